// Names and type names as written in a statement.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/types/type.h"

namespace engine {

enum class Quoting : uint8_t { None, Double, Back };

// A name of a source, column, alias, ... An unquoted name is already folded to upper case. Only the
// PostgreSQL front end distinguishes the kinds of quotes: there "orders" may mean ORDERS, but
// `orders` may not.
struct Name {
  std::string text;
  Quoting quoting = Quoting::None;

  operator const std::string&() const { return text; }  // NOLINT: a name is used as its text
  bool empty() const { return text.empty(); }
  // Names are equal even if their spellings differ in quotes.
  bool operator==(const Name& other) const { return text == other.text; }
  bool operator==(std::string_view other) const { return text == other; }
};

// Returns "`name`" if the bare name would be folded or is a reserved word, otherwise the name
// itself.
std::string quote_if_needed(std::string_view name);

// A type as written. resolve_type() converts it to a SqlType later, when the custom types are
// known, because a script may create a type and use it in the next statement.
struct TypeName {
  TypeKind kind = TypeKind::Null;  // Null: a custom type, see `custom_name`
  std::string custom_name = {};
  // Precision and scale of a DECIMAL, which the parser has checked. For VARCHAR(20), TIMESTAMP(3) and similar types,
  // `precision` is the number, and `scale` is 1.
  int precision = 0, scale = 0;
  std::vector<TypeName> parts = {};  // ARRAY: element. MAP: key, value. STRUCT: the fields' types
  std::vector<std::string> field_names = {};  // for a STRUCT; as many as `parts`
  // A type that was made by PostgreSQL's CREATE TYPE has a `custom_name` in addition to its kind.
  // An enumeration is a String whose values are `field_names`; a composite type is a STRUCT.
  TextPosition position = {};

  bool is_custom() const { return kind == TypeKind::Null; }
  // Returns a text like that of SqlType::to_string(), with unresolved custom names.
  std::string to_string() const;
};

using CustomTypes = std::map<std::string, SqlType>;

// Returns the type with this name. PostgreSQL's names (TEXT, INT4, INT8, FLOAT8, NUMERIC(p, s),
// BOOL, BYTEA, TIMESTAMPTZ, ...) are known, too, unless a custom type has the name. Fails with
// UndefinedObject, "Cannot resolve unknown type: X", and with LimitExceeded for a type that is
// wider than a row may be.
Result<SqlType> resolve_type(const TypeName& name, const CustomTypes& custom_types = {});

}  // namespace engine
