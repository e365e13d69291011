
#include <algorithm>
#include <iterator>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

struct TypeRow {
  std::string_view name;
  TypeKind kind;
};
// The types that become kinds. resolve_type() handles the others: custom types, and PostgreSQL's names such as
// timestamptz, which differs from the dialect's TIMESTAMP.
constexpr TypeRow kTypes[] = {
    {"bool", TypeKind::Boolean},  {"int4", TypeKind::Integer},  {"int8", TypeKind::Bigint},
    {"float8", TypeKind::Double}, {"double", TypeKind::Double}, {"text", TypeKind::String},
    {"bytea", TypeKind::Bytes},   {"date", TypeKind::Date},     {"cstring", TypeKind::String},
    {"time", TypeKind::Time},
};

// Types that may have a length, or a number of digits, in brackets.
constexpr std::string_view kNumbered[] = {
    "bit", "bpchar", "interval", "time", "timestamp", "timestamptz", "timetz", "varbit", "varchar"};

}  // namespace

std::string Converter::type_name(const Fields& type) {
  const std::vector<std::string> names = strings(type, "names");
  return names.empty() ? std::string() : names.back();
}

Result<TypeName> Converter::type(const Fields& type) const {
  TypeName result;
  result.position = position(type.number("location"));
  const std::string name = type_name(type);
  const std::vector<Node> modifiers = pgsql::children(type, "typmods");
  const auto number = [&](size_t i) {
    const auto value = i < modifiers.size() ? modifiers[i].fields.part("ival") : std::nullopt;
    return value ? static_cast<int>(value->number("ival")) : 0;
  };
  const auto row = std::ranges::find(kTypes, name, &TypeRow::name);
  if (row != std::end(kTypes)) {
    result.kind = row->kind;
  } else {
    result.custom_name = name == "char" ? "\"char\"" : in_schema(strings(type, "names")).text;
    constexpr int kAllFields = 0x7fff;  // PostgreSQL's INTERVAL_FULL_RANGE, which interval(3) has
    if (name == "interval" && !modifiers.empty() && number(0) != kAllFields)
      return Error(not_supported("a unit after the text of an interval is", result.position))
          .with_hint("Use the unit within the quotes: interval '1 day'.");
    if (name == "numeric" && !modifiers.empty()) {
      result.kind = TypeKind::Decimal;
      result.precision = number(0);
      result.scale = number(1);
      if (result.precision < 1 || result.precision > kMaxDecimalPrecision || result.scale < 0 ||
          result.scale > result.precision)
        return Error{ErrorCode::InvalidParameter, "a NUMERIC has at most 38 digits"}.at(
            result.position);
    }
  }
  if (!modifiers.empty() && std::ranges::find(kNumbered, name) != std::end(kNumbered)) {
    result.precision = number(modifiers.size() - 1);
    result.scale = 1;
    const bool is_length = name == "bpchar" || name == "varchar" || name.ends_with("bit");
    if (is_length && result.precision < 1)
      return Error{ErrorCode::InvalidParameter,
                   "length for type " + (name == "bpchar" ? "char" : name) + " must be at least 1"}
          .at(result.position);
  }
  for (size_t i = pgsql::children(type, "arrayBounds").size(); i > 0; --i) {
    TypeName array;
    array.kind = TypeKind::Array;
    array.position = result.position;
    array.parts.push_back(std::move(result));
    result = std::move(array);
  }
  return result;
}

}  // namespace engine::pgsql
