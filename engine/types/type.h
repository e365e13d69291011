// The SQL types of the dialect. A SqlType is a small value; nested types share their parts.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class TypeKind : uint8_t {
  Null,  // only the type of a bare NULL literal, never that of a column
  Boolean,
  Integer,
  Bigint,
  Double,
  Decimal,
  String,
  Bytes,
  Date,
  Time,
  Timestamp,
  Array,
  Map,
  Struct,
};

struct Field;

// The PostgreSQL type that clients see, if the kind alone does not determine it; engine/types/postgres_types.h has the
// table. Zero: the type that corresponds to the kind.
enum class PostgresLabel : uint16_t {};

class SqlType {
 public:
  SqlType() = default;                     // makes the type Null
  SqlType(TypeKind kind) : kind_(kind) {}  // NOLINT: scalar kinds are types

  static SqlType null() { return {}; }
  // Precondition, which the parser checks: precision >= 1 and 0 <= scale <= precision.
  static SqlType decimal(int precision, int scale);
  static SqlType array(SqlType element);
  static SqlType map(SqlType key, SqlType value);
  static SqlType structure(std::vector<Field> fields);
  // Returns the type with a label, which only determines the type that clients see. == ignores labels.
  SqlType labelled(PostgresLabel label) const;
  // Returns the type with the number that was declared after its name, in the form of PostgreSQL's atttypmod: 24 for
  // VARCHAR(20). The modifier of a DECIMAL follows from its precision and scale. == ignores modifiers. Nested types and
  // enumerations cannot have one.
  SqlType with_modifier(int32_t modifier) const;
  // Returns `type` with the name of a type made by CREATE TYPE ... AS ENUM (a String whose labels
  // are the names of fields()) or by CREATE TYPE ... AS (...) (a Struct).
  static SqlType named(SqlType type, PostgresLabel label, std::string name,
                       std::vector<Field> fields);

  TypeKind kind() const { return kind_; }
  int precision() const { return precision_; }
  int scale() const { return scale_; }
  const SqlType& element() const;            // only for an Array
  const SqlType& key() const;                // only for a Map
  const SqlType& value() const;              // only for a Map
  const std::vector<Field>& fields() const;  // only for a Struct or an enumeration
  PostgresLabel label() const { return label_; }
  int32_t modifier() const;         // -1: none was declared
  const std::string& name() const;  // name of a type made by CREATE TYPE; otherwise empty
  // Returns the index of the field with exactly this name, or -1.
  int field_index(std::string_view name) const;

  bool is_null() const { return kind_ == TypeKind::Null; }
  bool is_numeric() const { return kind_ >= TypeKind::Integer && kind_ <= TypeKind::Decimal; }
  bool is_time_like() const { return kind_ >= TypeKind::Date && kind_ <= TypeKind::Timestamp; }
  bool is_nested() const { return kind_ >= TypeKind::Array; }

  // Returns the type as the dialect prints it: `DECIMAL(4, 2)`, `ARRAY<STRING>`, "STRUCT<`A` INTEGER>".
  std::string to_string() const;

  bool operator==(const SqlType& other) const;
  // Returns whether the types are equal, including the labels and modifiers of the types and of their parts.
  bool is_identical(const SqlType& other) const;

 private:
  struct Parts;

  TypeKind kind_ = TypeKind::Null;
  PostgresLabel label_ = {};
  int16_t precision_ = 0, scale_ = 0;
  std::shared_ptr<const Parts> parts_;  // shared, because types are copied often and are immutable
};

struct Field {
  std::string name;
  SqlType type;
  bool operator==(const Field&) const = default;
};

// The largest precision that a DECIMAL column can hold: 128 bits.
inline constexpr int kMaxDecimalPrecision = 38;

// Returns the kind's name in the dialect: INTEGER, STRING, ...
std::string_view kind_name(TypeKind kind);

}  // namespace engine
