#include "engine/expr/assigned.h"

#include <algorithm>
#include <utility>

#include "engine/expr/registered_objects.h"
#include "engine/expr/zones.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Returns the number in brackets after the type's name, from PostgreSQL's atttypmod.
int number_of(const SqlType& type) {
  constexpr int kHeader = 4, kDigits = 0xffff;
  const PostgresLabel of = type.label();
  if (of == label::kVarchar || of == label::kBpchar) return type.modifier() - kHeader;
  return of == label::kInterval ? type.modifier() & kDigits : type.modifier();
}

TypeName named_parts(TypeName name, const SqlType& type) {
  for (const Field& field : type.fields()) {
    name.field_names.push_back(field.name);
    if (type.kind() == TypeKind::Struct) name.parts.push_back(type_name_of(field.type));
  }
  return name;
}

// Returns whether the types contain, at any depth, a timestamp that has a time zone in only one of
// them.
bool differ_in_zone(const SqlType& left, const SqlType& right) {
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case TypeKind::Timestamp:
      return is_clock(left) != is_clock(right);
    case TypeKind::Array:
      return differ_in_zone(left.element(), right.element());
    case TypeKind::Map:
      return differ_in_zone(left.key(), right.key()) || differ_in_zone(left.value(), right.value());
    case TypeKind::Struct:
      return std::ranges::any_of(left.fields(), [&](const Field& field) {
        const auto other = std::ranges::find(right.fields(), field.name, &Field::name);
        return other != right.fields().end() && differ_in_zone(field.type, other->type);
      });
    default:
      return false;
  }
}

}  // namespace

TypeName type_name_of(const SqlType& type) {
  TypeName name{.kind = type.kind(), .custom_name = type.name()};
  switch (type.kind()) {
    case TypeKind::Array:
      name.parts.push_back(type_name_of(type.element()));
      return name;
    case TypeKind::Map:
      name.parts.push_back(type_name_of(type.key()));
      name.parts.push_back(type_name_of(type.value()));
      return name;
    case TypeKind::Struct:
      return named_parts(std::move(name), type);
    case TypeKind::Decimal:
      name.precision = type.precision();
      name.scale = type.scale();
      return name;
    default:
      break;
  }
  if (!type.name().empty()) return named_parts(std::move(name), type);
  const PostgresLabelRow* row = find_label(type.label());
  if (row != nullptr && label_named(row->name) == row) {
    name.kind = TypeKind::Null;
    name.custom_name = row->name;
  }
  if (type.modifier() >= 0) {
    name.precision = number_of(type);
    name.scale = 1;
  }
  return name;
}

ExpressionPtr assigned(ExpressionPtr value, const SqlType& type, std::string_view column) {
  const TextPosition position = value->position;
  FunctionCall call{std::string(kAssigned), {}};
  call.arguments.push_back(make_expression(Cast{std::move(value), type_name_of(type)}, position));
  if (!column.empty())
    call.arguments.push_back(make_expression(StringLiteral{std::string(column)}, position));
  return make_expression(std::move(call), position);
}

namespace {

// Returns whether the type is a NUMERIC without a precision that is kept as text with all of its
// digits.
bool is_exact_numeric(const SqlType& type) {
  return type.kind() == TypeKind::String && type.label() == label::kNumeric;
}
bool is_whole_number(const SqlType& type) {
  return type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint;
}

}  // namespace

std::optional<SqlType> shared_type(const SqlType& left, const SqlType& right) {
  // As in PostgreSQL, the common type of an exact number and a NUMERIC is NUMERIC, and the common type of a DOUBLE
  // and a NUMERIC is DOUBLE.
  for (const auto& [exact, other] : {std::pair(left, right), std::pair(right, left)})
    if (is_exact_numeric(exact) && other.is_numeric())
      return other.kind() == TypeKind::Double ? other : exact;
  // Combined with a number, the name of a catalog object is converted to the object's number.
  for (const auto& [name, other] : {std::pair(left, right), std::pair(right, left)})
    if (is_registered_object(name) && is_whole_number(other))
      return other.kind() == TypeKind::Bigint ? other : SqlType(TypeKind::Bigint);
  if (left.kind() == TypeKind::Date && right.kind() == TypeKind::Timestamp) return right;
  if (left.kind() == TypeKind::Timestamp && right.kind() == TypeKind::Date) return left;
  // Conversions between timestamps with and without a zone are not supported within nested types.
  if (left.is_nested() && differ_in_zone(left, right)) return std::nullopt;
  return common_type(left, right);
}

Result<BoundExpression> in_shared_type(BoundExpression expression, const SqlType& type) {
  if (is_whole_number(type))
    if (auto number = cast_registered(expression, type, expression.position))
      return *std::move(number);
  const bool is_of_day =
      expression.type.kind() == TypeKind::Date && type.kind() == TypeKind::Timestamp;
  const bool is_of_number = (is_exact_numeric(type) && expression.type.is_numeric()) ||
                            (is_exact_numeric(expression.type) && type.is_numeric());
  if (is_of_day || is_of_number) return cast(std::move(expression), type);
  return coerce(with_zone_of(type, std::move(expression)), type);
}

bool are_kept_alike(const SqlType& left, const SqlType& right) {
  return left == right && !differ_in_zone(left, right);
}

}  // namespace engine
