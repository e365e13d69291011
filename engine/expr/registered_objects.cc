#include "engine/expr/registered_objects.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/expr/kernels.h"
#include "engine/functions/catalog_names.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

bool is_integer_type(const SqlType& type) {
  return type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint;
}

BoundExpression as_bigint(BoundExpression number) {
  if (number.type.kind() == TypeKind::Bigint) return number;
  auto wide = cast(std::move(number), TypeKind::Bigint);
  return *std::move(wide);  // an INTEGER always fits
}

BoundExpression call_of(Kernel kernel, PostgresLabel type, SqlType result, BoundExpression value) {
  const TextPosition position = value.position;
  std::vector<BoundExpression> arguments;
  arguments.push_back(
      literal_expression(TypeKind::String, Value::text(std::string(find_label(type)->name))));
  arguments.push_back(std::move(value));
  return call_expression(kernel, std::move(result), std::move(arguments), position);
}

bool is_written_text(const BoundExpression& value) {
  return value.kind == BoundKind::Literal && value.type.kind() == TypeKind::String &&
         !value.literal.is_null();
}

// Returns the object's number for a literal name. The name is looked up when the query is planned,
// so that a condition with it can be computed anywhere. Returns nothing for an unknown name: the
// look-up then becomes a call, which fails when it is computed.
std::optional<int64_t> number_of_written(PostgresLabel type, const BoundExpression& value) {
  CatalogNames* names = catalog_names_in_use();
  if (!names || !is_written_text(value)) return std::nullopt;
  const auto number = names->number_of(type, value.literal.as_string());
  return number ? std::optional(*number) : std::nullopt;
}

BoundExpression name_of(BoundExpression value, const SqlType& type) {
  if (const auto number = number_of_written(type.label(), value)) {
    BoundExpression name = literal_expression(
        type, Value::text(catalog_names_in_use()->name_of(type.label(), *number)));
    name.position = value.position;
    return name;
  }
  if (is_integer_type(value.type))
    return call_of(registered_name_of_number, type.label(), type, as_bigint(std::move(value)));
  return call_of(registered_name_of_text, type.label(), type, std::move(value));
}

// Returns the number of the object. If the value was made from a text or a number, the text or the number is used
// without a conversion to a name.
BoundExpression number_of(BoundExpression value) {
  const PostgresLabel type = value.type.label();
  if (const auto number = number_of_written(type, value)) {
    BoundExpression literal = literal_expression(TypeKind::Bigint, Value::bigint(*number));
    literal.position = value.position;
    return literal;
  }
  if (value.kind == BoundKind::Call && value.kernel == registered_name_of_number)
    return std::move(value.children[1]);
  if (value.kind == BoundKind::Call && value.kernel == registered_name_of_text)
    return call_of(registered_number, type, TypeKind::Bigint, std::move(value.children[1]));
  return call_of(registered_number, type, TypeKind::Bigint, std::move(value));
}

bool is_name(const BoundExpression& value) { return is_registered_object(value.type); }

}  // namespace

std::optional<BoundExpression> cast_registered(BoundExpression& operand, const SqlType& type,
                                               TextPosition position) {
  BoundExpression made;
  if (is_registered_object(type)) {
    if (is_name(operand) && operand.type.label() == type.label()) {
      // A column of the catalog already has the name of an object. The text of a parameter or a literal is looked up.
      if (operand.kind != BoundKind::Parameter && operand.kind != BoundKind::Literal)
        return std::move(operand);
      made = name_of(std::move(operand), type);
    } else if (is_name(operand)) {
      made = name_of(number_of(std::move(operand)), type);
    } else if (operand.type.kind() == TypeKind::String || is_integer_type(operand.type)) {
      made = name_of(std::move(operand), type);
    } else {
      return std::nullopt;
    }
  } else if (is_integer_type(type) && is_name(operand)) {
    made = number_of(std::move(operand));
    if (!made.type.is_identical(type)) {
      auto narrowed = cast(std::move(made), type);
      if (!narrowed) return std::nullopt;
      made = *std::move(narrowed);
    }
  } else {
    return std::nullopt;
  }
  made.position = position;
  return made;
}

void compare_registered(std::span<BoundItem> operands) {
  const auto name =
      std::ranges::find_if(operands, [](const BoundItem& item) { return is_name(item.bound); });
  if (name == operands.end()) return;
  const SqlType type = name->bound.type;
  const bool has_number = std::ranges::any_of(
      operands, [](const BoundItem& item) { return is_integer_type(item.bound.type); });
  for (BoundItem& item : operands) {
    BoundExpression& bound = item.bound;
    if (bound.type.is_null()) continue;
    const bool is_written =
        bound.type.kind() == TypeKind::String &&
        (bound.kind == BoundKind::Literal || bound.kind == BoundKind::Parameter) &&
        (!is_name(bound) || bound.type.label() == type.label());
    if (is_written) bound = name_of(std::move(bound), type);
    const bool is_other = is_name(bound) && bound.type.label() != type.label();
    if (is_name(bound) && (has_number || is_other)) bound = number_of(std::move(bound));
  }
  // Names of two different reg* types are compared as numbers.
  if (std::ranges::any_of(operands,
                          [](const BoundItem& item) { return is_integer_type(item.bound.type); }))
    for (BoundItem& item : operands)
      if (is_name(item.bound)) item.bound = number_of(std::move(item.bound));
}

}  // namespace engine
