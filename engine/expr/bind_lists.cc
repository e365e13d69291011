// Finds the common type of a list, as in IN, ARRAY[...] and MAP(...).
#include <algorithm>

#include "engine/expr/binder.h"
#include "engine/expr/labels.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

bool is_string_literal(const BoundExpression& bound) {
  return bound.kind == BoundKind::Literal && bound.type.kind() == TypeKind::String;
}

bool spells_boolean(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return !lower.empty() &&
         std::ranges::any_of(std::initializer_list<std::string_view>{"true", "false", "yes", "no"},
                             [&](std::string_view word) { return word.starts_with(lower); });
}

// Returns the narrowest type for the number in the text; Null if the text is not a number.
SqlType number_type_of(const std::string& text) {
  if (parse_integer(text)) return TypeKind::Integer;
  if (parse_bigint(text)) return TypeKind::Bigint;
  if (const auto exact = parse_decimal(text)) {
    int digits = 0;
    for (Int128 rest = exact->unscaled; rest != 0; rest /= 10) ++digits;
    return SqlType::decimal(std::max({digits, exact->scale, 1}), exact->scale);
  }
  return parse_double(text) ? SqlType(TypeKind::Double) : SqlType();
}

}  // namespace

// In ksqlDB a literal in a list of texts becomes a text: name IN ('Rome', 5) compares the name with '5'. The operator =
// refuses such operands, so IN does, too.
Status Binder::check_beside_text(const BoundItem& item, const SqlType& text) const {
  const bool is_text = text.kind() == TypeKind::String && !is_normalized(text);
  const SqlType& type = item.bound.type;
  if (!is_text || type.is_null() || type.kind() == TypeKind::String) return {};
  return Error{no_operator(), "operator = does not accept " + shown(text) + " and " + shown(type)}
      .with_hint("Write the value as a text: CAST(" + to_sql(*item.source) + " AS VARCHAR).")
      .at(item.source->position);
}

// Returns the type that holds the values of `common` and of the item. Literals inside constructors
// count as literals, too, so the function descends into constructors.
Result<SqlType> Binder::widen(const SqlType& common, const BoundItem& item) {
  const BoundExpression& bound = item.bound;
  if (bound.type.is_null()) return common;
  if (common.is_null()) return bound.type;
  if (bound.kind == BoundKind::Array && common.kind() == TypeKind::Array) {
    SqlType element = common.element();
    for (const BoundExpression& child : bound.children)
      element = TRY(widen(element, {item.source, child}));
    return SqlType::array(std::move(element));
  }
  if (bound.kind == BoundKind::Map && common.kind() == TypeKind::Map) {
    SqlType key = common.key(), value = common.value();
    for (size_t i = 0; i < bound.children.size(); i += 2) {
      key = TRY(widen(key, {item.source, bound.children[i]}));
      value = TRY(widen(value, {item.source, bound.children[i + 1]}));
    }
    return SqlType::map(std::move(key), std::move(value));
  }
  const Error no_operator =
      with_ksqldb(ErrorCode::TypeMismatch,
                  "the values of a list must have one type, not " + shown(common) + " and " +
                      shown(bound.type),
                  invalid_detail("operator does not exist: " + common.to_string() + " = " +
                                 bound.type.to_string() + " (" + to_sql(*item.source) +
                                 ")\nHint: You might need to add explicit type casts."))
          .at(item.source->position);
  if (bound.kind == BoundKind::Struct && common.kind() == TypeKind::Struct) {
    std::vector<Field> fields = common.fields();
    for (size_t i = 0; i < bound.children.size(); ++i) {
      const Field& field = bound.type.fields()[i];
      const int at = common.field_index(field.name);
      if (at < 0) {
        fields.push_back(field);
        continue;
      }
      SqlType& mine = fields[static_cast<size_t>(at)].type;
      const BoundExpression& child = bound.children[i];
      if (child.kind == BoundKind::Literal || !child.children.empty())
        mine = TRY(widen(mine, {item.source, child}));
      else if (const auto shared = common_type(mine, child.type))
        mine = *shared;
      else
        return no_operator;
    }
    return SqlType::structure(std::move(fields));
  }
  if (const auto shared = common_type(common, bound.type)) return *shared;
  if (bound.kind == BoundKind::Literal &&
      (common.kind() == TypeKind::String || bound.literal.is_null()))
    return common;
  if (!is_string_literal(bound)) return no_operator;
  const std::string& text = bound.literal.as_string();
  const Error bad_text =
      with_ksqldb(ErrorCode::InvalidText,
                  "invalid input syntax for type " + std::string(kind_name(common.kind())) +
                      ": \"" + text + "\"",
                  invalid_detail("invalid input syntax for type " +
                                 std::string(kind_name(common.kind())) + ": \"" + text + "\"."))
          .at(item.source->position);
  if (common.is_numeric()) {
    const SqlType number = number_type_of(text);
    if (number.is_null()) return bad_text;
    return *common_type(common, number);
  }
  if (common.kind() == TypeKind::Boolean) {
    if (!spells_boolean(text)) return bad_text;
    return common;
  }
  if (common.is_time_like() || common.kind() == TypeKind::Bytes) return common;
  return no_operator;
}

Result<SqlType> Binder::unify(std::vector<BoundItem>& items) {
  SqlType common;
  for (const BoundItem& item : items) common = TRY(widen(common, item));
  const bool has_parameter = std::ranges::any_of(
      items, [](const BoundItem& item) { return item.bound.kind == BoundKind::Parameter; });
  if (common.is_null() && has_parameter)
    common = open_type(std::ranges::find(items, BoundKind::Parameter, [](const BoundItem& item) {
                         return item.bound.kind;
                       })->bound.type);
  if (common.is_null()) return common;
  for (BoundItem& item : items) item.bound = TRY(coerce_to(std::move(item.bound), common));
  return common;
}

}  // namespace engine
