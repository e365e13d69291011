#include "engine/types/coercion.h"

#include <algorithm>

namespace engine {

namespace {

bool structs_are_castable(const SqlType& from, const SqlType& to) {
  return std::ranges::all_of(from.fields(), [&](const Field& field) {
    const int at = to.field_index(field.name);
    return at >= 0 && is_implicitly_castable(field.type, to.fields()[static_cast<size_t>(at)].type);
  });
}

bool numbers_are_castable(const SqlType& from, const SqlType& to) {
  if (to.kind() != TypeKind::Decimal)
    return from.kind() <= to.kind() || to.kind() == TypeKind::Double;
  if (from.kind() == TypeKind::Double) return false;
  const SqlType exact = as_decimal_type(from);
  return exact.scale() <= to.scale() &&
         exact.precision() - exact.scale() <= to.precision() - to.scale();
}

SqlType wider_decimal(const SqlType& a, const SqlType& b) {
  const int scale = std::max(a.scale(), b.scale());
  const int whole = std::max(a.precision() - a.scale(), b.precision() - b.scale());
  return SqlType::decimal(whole + scale, scale);
}

std::optional<SqlType> wider_number(const SqlType& a, const SqlType& b) {
  // The common type of a real and an exact number is real, as in PostgreSQL.
  if (a.kind() == TypeKind::Double || b.kind() == TypeKind::Double)
    return SqlType(TypeKind::Double)
        .labelled(a.kind() != TypeKind::Double   ? b.label()
                  : b.kind() != TypeKind::Double ? a.label()
                                                 : PostgresLabel{});
  if (a.kind() == TypeKind::Decimal || b.kind() == TypeKind::Decimal)
    return wider_decimal(as_decimal_type(a), as_decimal_type(b));
  return a.kind() >= b.kind() ? a : b;
}

std::optional<SqlType> common_struct(const SqlType& a, const SqlType& b) {
  std::vector<Field> fields = a.fields();
  for (const Field& field : b.fields()) {
    const int at = a.field_index(field.name);
    if (at < 0) {
      fields.push_back(field);
      continue;
    }
    Field& mine = fields[static_cast<size_t>(at)];
    const auto shared = common_type(mine.type, field.type);
    if (!shared) return std::nullopt;
    mine.type = *shared;
  }
  return SqlType::structure(std::move(fields));
}

}  // namespace

SqlType as_decimal_type(const SqlType& exact_number) {
  if (exact_number.kind() == TypeKind::Integer) return SqlType::decimal(10, 0);
  if (exact_number.kind() == TypeKind::Bigint) return SqlType::decimal(19, 0);
  return exact_number;
}

bool is_implicitly_castable(const SqlType& from, const SqlType& to) {
  if (from.is_null() || from == to) return true;
  if (from.is_numeric() && to.is_numeric()) return numbers_are_castable(from, to);
  if (from.kind() != to.kind()) return false;
  switch (from.kind()) {
    case TypeKind::Array:
      return is_implicitly_castable(from.element(), to.element());
    case TypeKind::Map:
      return is_implicitly_castable(from.key(), to.key()) &&
             is_implicitly_castable(from.value(), to.value());
    case TypeKind::Struct:
      return structs_are_castable(from, to);
    default:
      return false;
  }
}

namespace {

// Returns the type with the labels that two equal types have in common.
SqlType with_common_label(const SqlType& left, const SqlType& right) {
  if (left.is_identical(right)) return left;
  if (left.kind() == TypeKind::Array)
    return SqlType::array(with_common_label(left.element(), right.element()));
  if (right.is_nested()) return right;
  const bool has_label = left.label() == right.label() && left.name() == right.name();
  return has_label ? right.with_modifier(-1) : right.labelled({});
}

}  // namespace

std::optional<SqlType> common_type(const SqlType& left, const SqlType& right) {
  if (left.is_null()) return right;
  if (right.is_null()) return left;
  if (left == right) return with_common_label(left, right);
  if (left.is_numeric() && right.is_numeric()) return wider_number(left, right);
  if (left.kind() != right.kind()) return std::nullopt;
  switch (left.kind()) {
    case TypeKind::Array: {
      const auto element = common_type(left.element(), right.element());
      if (!element) return std::nullopt;
      return SqlType::array(*element);
    }
    case TypeKind::Map: {
      const auto key = common_type(left.key(), right.key());
      const auto value = common_type(left.value(), right.value());
      if (!key || !value) return std::nullopt;
      return SqlType::map(*key, *value);
    }
    case TypeKind::Struct:
      return common_struct(left, right);
    default:
      return std::nullopt;
  }
}

}  // namespace engine
