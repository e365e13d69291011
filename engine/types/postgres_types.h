// The table of those PostgreSQL types that have no TypeKind of their own. A value of such a type is
// kept as a value of another kind, mostly as a String in a normal form. The label of its SqlType
// names the PostgreSQL type (docs/adr/0056).
//
// A new type needs a row with its normal form in postgres_types.cc, and, if clients request the type in binary, a case
// in server/pg/binary_labels.cc.
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
    // Labels without a row in the table: the types with these labels have names and numbers of
    // their own.
    kEnum{32}, kComposite{33}, kRecord{34},
    // Dates and times that keep everything that was written (microseconds, years BC, infinity), for
    // statements that show or compare them. Their values are texts; computations use the
    // milliseconds of the kind.
    kExactDate{35}, kExactTime{36}, kExactTimestamp{37}, kExactTimestamptz{38},
    // Only for columns of the catalog. The vectors are arrays that are shown as `1 2`.
    kRegclass{39}, kRegtype{40}, kRegnamespace{41}, kAclitem{42}, kPgNodeTree{43}, kRegproc{44},
    kInt2Vector{45}, kOidVector{46};
}

// The scale of a NUMERIC without a precision. Numbers with more digits after the point are refused.
inline constexpr int kScaleOfNumeric = 9;
// Returns whether the type is NUMERIC without a precision. PostgreSQL keeps all digits of such a number, so losing one
// is an error.
inline bool is_numeric_alone(const SqlType& type) {
  return type.kind() == TypeKind::Decimal && type.precision() == kMaxDecimalPrecision &&
         type.scale() == kScaleOfNumeric;
}

// The comparisons of a type's values that their comparable form supports.
enum class LabelOrder : uint8_t { None, Equality, Total };

struct PostgresLabelRow {
  PostgresLabel label;
  std::string_view name;      // name of the type in pg_type
  std::string_view sql_name;  // name shown by format_type()
  TypeKind kind;              // the kind that stores the values
  uint32_t oid, array_oid;
  int16_t size;   // size in bytes; -1: variable
  char category;  // typcategory of pg_type
  LabelOrder order;
  // Converts a text to its normal form; null: every text is valid, or the kind is not String. Fails with InvalidText,
  // InvalidDatetime or OutOfRange, with PostgreSQL's message.
  Result<std::string> (*normalize)(std::string_view text);
  // Converts the normal form to a text with PostgreSQL's equality and order; null: the normal form has PostgreSQL's
  // equality and order.
  std::string (*comparable)(std::string_view text);
  // The label of the elements of a range or a vector; for a multirange, the label of its range. If
  // the elements of a range have no label, `element` is kNone and `element_kind` is their type.
  PostgresLabel element = label::kNone;
  TypeKind element_kind = TypeKind::Null;
};

std::span<const PostgresLabelRow> postgres_labels();
// Returns null for a label without a row.
const PostgresLabelRow* find_label(PostgresLabel label);
// Finds a row by pg_type's name, in lower case, or by SQL's name ("smallint").
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
// Returns the type for computations: DATE for the exact date, and so on.
SqlType plain_time(PostgresLabel exact);
// Returns the exact type for a date or a time.
SqlType exact_time(const SqlType& plain);
inline bool is_multirange(PostgresLabel label) {
  return label >= label::kInt4Multirange && label <= label::kTstzMultirange;
}

// Returns whether a text has to be converted to a normal form before it is a value of the type.
bool is_normalized(const SqlType& type);
// Returns the text as a value of the type; the text itself if is_normalized() is false.
Result<std::string> normalized_text(const SqlType& type, std::string_view text);

LabelOrder order_of(const SqlType& type);
// Returns whether values of the type must be compared by comparable_text().
bool has_comparable_form(const SqlType& type);
std::string comparable_text(const SqlType& type, std::string_view kept);

// Returns the type without its label, if the label has a narrower range than the type's kind, as
// smallint has. Values in columns that any Kafka client may write, and results of arithmetic, may
// be beyond this range.
SqlType without_narrow_label(const SqlType& type);

// Return the numbers (oids) of a type made by CREATE TYPE. They are derived from the name, so they never change.
uint32_t user_type_oid(std::string_view name);
uint32_t user_array_oid(std::string_view name);
uint32_t user_relation_oid(
    // the name of the relation that stands for a composite type; its columns are the type's fields
    std::string_view name);

}  // namespace engine
