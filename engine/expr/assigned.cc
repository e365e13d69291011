#include "engine/expr/assigned.h"

#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// The number in brackets behind the name, of PostgreSQL's atttypmod.
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

ExpressionPtr assigned(ExpressionPtr value, const SqlType& type) {
  const TextPosition position = value->position;
  FunctionCall call{std::string(kAssigned), {}};
  call.arguments.push_back(make_expression(Cast{std::move(value), type_name_of(type)}, position));
  return make_expression(std::move(call), position);
}

}  // namespace engine
