// PostgreSQL's types that no kind of ours stands for: one table of them. A value of such a type is kept as a value of
// another kind, mostly as text in one normal form, under a label that travels with the type (docs/adr/0056).
//
// To add one: a row in postgres_types.cc with its normal form, and, where clients ask for it in binary, a case in
// server/pg/binary_labels.cc.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

namespace label {
inline constexpr PostgresLabel kNone{0}, kInt2{1}, kOid{2}, kFloat4{3}, kVarchar{4}, kBpchar{5},
    kName{6}, kChar{7}, kTimestamp{8}, kNumeric{9}, kJson{10}, kJsonb{11}, kUuid{12}, kInterval{13},
    kTimetz{14}, kInet{15}, kCidr{16}, kMacaddr{17}, kBit{18}, kVarbit{19}, kInt4Range{20},
    kInt8Range{21}, kNumRange{22}, kDateRange{23}, kTsRange{24}, kTstzRange{25},
    kInt4Multirange{26}, kInt8Multirange{27}, kNumMultirange{28}, kDateMultirange{29},
    kTsMultirange{30}, kTstzMultirange{31},
    // Of no row: their names and numbers are their own.
    kEnum{32}, kComposite{33}, kRecord{34},
    // Dates and times as they were written, where a statement shows or compares them: microseconds, years BC, infinity. As
    // text; what computes has the kind's milliseconds.
    kExactDate{35}, kExactTime{36}, kExactTimestamp{37}, kExactTimestamptz{38},
    // Of the catalog's columns alone. The vectors are arrays that are shown as `1 2`.
    kRegclass{39}, kRegtype{40}, kRegnamespace{41}, kAclitem{42}, kPgNodeTree{43}, kRegproc{44},
    kInt2Vector{45}, kOidVector{46};
}

// What a NUMERIC without a precision is where it is computed with: digits beyond are refused.
inline constexpr int kScaleOfNumeric = 9;
// A column of NUMERIC without a precision. In PostgreSQL it keeps all digits, so none is lost here without an error.
inline bool is_numeric_alone(const SqlType& type) {
  return type.kind() == TypeKind::Decimal && type.precision() == kMaxDecimalPrecision &&
         type.scale() == kScaleOfNumeric;
}

// What can be said of two values by their comparable form.
enum class LabelOrder : uint8_t { None, Equality, Total };

struct PostgresLabelRow {
  PostgresLabel label;
  std::string_view name;      // as pg_type has it
  std::string_view sql_name;  // as format_type() shows it
  TypeKind kind;              // what values are kept as
  uint32_t oid, array_oid;
  int16_t size;   // -1: variable
  char category;  // of pg_type
  LabelOrder order;
  // The form in which a text is kept; null: every text is fine, or the kind is not String. Fails with InvalidText,
  // InvalidDatetime or OutOfRange, in PostgreSQL's words.
  Result<std::string> (*normalize)(std::string_view text);
  // From that form to a text that is equal, and ordered, as PostgreSQL has it; null: the kept form is such.
  std::string (*comparable)(std::string_view text);
  // Of a range: its elements' label, or kNone with the kind of them. Of a multirange: its range's label. Of a vector: its
  // elements' label.
  PostgresLabel element = label::kNone;
  TypeKind element_kind = TypeKind::Null;
};

std::span<const PostgresLabelRow> postgres_labels();
// Null for what has no row.
const PostgresLabelRow* find_label(PostgresLabel label);
// By pg_type's name, in lower case, or by SQL's ("smallint").
const PostgresLabelRow* label_named(std::string_view name);
SqlType type_of(const PostgresLabelRow& row);

inline bool is_range(PostgresLabel label) {
  return label >= label::kInt4Range && label <= label::kTstzRange;
}
inline bool is_exact_time(PostgresLabel label) {
  return label >= label::kExactDate && label <= label::kExactTimestamptz;
}
inline bool is_vector(PostgresLabel label) {
  return label == label::kInt2Vector || label == label::kOidVector;
}
// DATE for the exact date, ...: what values are where they are computed with.
SqlType plain_time(PostgresLabel exact);
// The other way round; the type has to be a date or a time.
SqlType exact_time(const SqlType& plain);
inline bool is_multirange(PostgresLabel label) {
  return label >= label::kInt4Multirange && label <= label::kTstzMultirange;
}

// Whether a text of another type has to be brought into a normal form first.
bool is_normalized(const SqlType& type);
// The text as a value of the type; the text itself where is_normalized() is false.
Result<std::string> normalized_text(const SqlType& type, std::string_view text);

LabelOrder order_of(const SqlType& type);
// Whether values have to be compared by comparable_text().
bool has_comparable_form(const SqlType& type);
std::string comparable_text(const SqlType& type, std::string_view kept);

// The same type without labels that promise a narrower range than the kind has: columns that anybody may write to by
// Kafka, and results of arithmetic, cannot keep it.
SqlType without_narrow_label(const SqlType& type);

// Numbers of what CREATE TYPE has made: of the name, so that they stay.
uint32_t user_type_oid(std::string_view name);
uint32_t user_array_oid(std::string_view name);
uint32_t user_relation_oid(
    std::string_view name);  // of a composite type, whose fields are its columns

}  // namespace engine
