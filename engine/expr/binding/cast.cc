// Binds CAST and the conversions of written values to the types of columns.
#include <algorithm>
#include <utility>

#include "engine/expr/assigned.h"
#include "engine/expr/bind.h"
#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/registered_objects.h"
#include "engine/expr/typed_texts.h"
#include "engine/expr/whole_numeric.h"
#include "engine/expr/zones.h"
#include "engine/sql/postgres_lengths.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

// Binds CAST. A cast to VARCHAR(3) cuts the text after three characters; writing a longer text to such a column is an
// error instead. Times are rounded. A persistent query ignores the length without a notice, as ksqlDB does.
Result<BoundExpression> Binder::bind_cast(const Cast& node, TextPosition position) {
  return bind_with_length(node, LengthRule::Cast, position);
}

namespace {

// Returns whether each item must be converted to `wanted` on its own. This is the case if the list mixes text literals
// with other items, and if it has other items than text literals that become texts.
bool are_mixed(const ExpressionList& items, const SqlType& wanted) {
  const auto is_text = [](const ExpressionPtr& item) { return item->is<StringLiteral>(); };
  const auto is_other = [](const ExpressionPtr& item) {
    return !item->is<StringLiteral>() && !item->is<NullLiteral>();
  };
  return std::ranges::any_of(items, is_other) &&
         (wanted.kind() == TypeKind::String || std::ranges::any_of(items, is_text));
}

}  // namespace

Result<BoundExpression> Binder::bind_with_length(const Cast& node, LengthRule rule,
                                                 TextPosition position) {
  static const CustomTypes kNone;
  auto resolved =
      resolve_type(scope_.texts_take_types ? with_postgres_lengths(node.type) : node.type,
                   scope_.custom_types ? *scope_.custom_types : kNone);
  if (!resolved) return std::move(resolved).error().at(node.type.position);
  if (rule == LengthRule::Write && is_numeric_alone(*resolved) && names_number(*node.operand)) {
    BoundExpression operand = TRY(bind_open(*node.operand));
    if (operand.kind == BoundKind::Parameter) return coerce_to(std::move(operand), *resolved);
    if (is_castable(operand.type, *resolved)) {
      BoundExpression whole = call_expression(whole_numeric_kernel, *resolved, {}, position);
      whole.children.push_back(std::move(operand));
      return whole;
    }
  }
  BoundExpression bound = TRY(bind_cast_to(node, without_declared_lengths(*resolved), position));
  if (!scope_.texts_take_types || !has_declared_length(*resolved)) return bound;
  const SqlType type = with_declared_lengths(bound.type, *resolved);
  BoundExpression fitted =
      call_expression(rule == LengthRule::Cast ? cut_kernel : fit_kernel, type, {}, position);
  fitted.children.push_back(std::move(bound));
  return fitted;
}

// Binds a cast. `type` is the type of the node, without lengths.
Result<BoundExpression> Binder::bind_cast_to(const Cast& node, SqlType type,
                                             TextPosition position) {
  const FunctionCall* mark = std::exchange(mark_, nullptr);
  const auto* list = node.operand->as<ArrayConstructor>();
  if (list && list->elements.empty() && scope_.texts_take_types && type.kind() == TypeKind::Array)
    return literal_expression(type, Value::list({}));
  // As in PostgreSQL, each item is cast separately, so the items need no common type.
  if (list && scope_.texts_take_types && type.kind() == TypeKind::Array &&
      type.element().kind() != TypeKind::Array && are_mixed(list->elements, type.element())) {
    ArrayConstructor items;
    for (const ExpressionPtr& each : list->elements)
      items.elements.push_back(
          make_expression(Cast{clone(*each), type_name_of(type.element())}, each->position));
    BoundExpression bound = TRY(bind_array(items, position));
    return bound.type == type ? std::move(bound) : cast(std::move(bound), type);
  }
  // The operand of a cast is bound with all of its digits, so '1.50'::numeric::text is 1.50. If the
  // operand computes with the number, as in ('1.50'::numeric + 1)::text, the number becomes a
  // DECIMAL.
  const bool is_operand = std::exchange(is_operand_, node.operand->is<Cast>());
  auto bound = bind_kept(*node.operand);
  is_operand_ = is_operand;
  BoundExpression operand = TRY(std::move(bound));
  if (mark != nullptr) TRY(check_marked_text(*mark, {node.operand.get(), operand}, type));
  // A literal with an exponent is read as a decimal, so that 1e-12::numeric is as exact as '1e-12'::numeric.
  const auto* written = node.operand->as<DoubleLiteral>();
  if (written != nullptr && scope_.texts_take_types && type.kind() == TypeKind::Decimal)
    if (const auto number = parse_decimal(written->text))
      operand = TRY(bind_decimal({decimal_text(number->unscaled, number->scale)}, position));
  const bool is_shown = (depth_ == 1 || is_operand) && scope_.texts_take_types;
  const bool is_value = operand.kind == BoundKind::Parameter || operand.kind == BoundKind::Literal;
  if (scope_.texts_take_types && node.type.custom_name == "NUMERIC" && node.type.precision == 0) {
    // The type of a parameter must not depend on whether its value is known, so a parameter does not count as written
    // here.
    const bool is_written = !node.operand->is<Parameter>();
    if (is_written && operand.type.label() == label::kNumeric) return operand;
    if (is_shown && operand.type.kind() == TypeKind::Double) {
      BoundExpression made = call_expression(numeric_of_double_kernel,
                                             type_of(*find_label(label::kNumeric)), {}, position);
      made.children.push_back(std::move(operand));
      return made;
    }
    const bool is_exact = is_written || operand.type.is_numeric();
    if (is_shown && is_value)
      type = type_of(*find_label(label::kNumeric));
    else if (is_exact)
      type = exact_numeric(operand).value_or(type);
  }
  // All digits take part in the rounding of '0.1234567890123'::numeric::int.
  if (operand.type.label() == label::kNumeric && !operand.type.is_null() && type.is_numeric()) {
    const bool is_cast = operand.kind == BoundKind::Call && operand.children.size() == 1;
    const bool is_of_double = is_cast && operand.kernel == numeric_of_double_kernel;
    if (!is_of_double) {
      const auto exact = exact_numeric(is_cast ? operand.children.front() : operand);
      operand = exact ? TRY(cast(std::move(operand), *exact)) : TRY(computed(std::move(operand)));
    } else if (type.kind() != TypeKind::Double) {
      // The DOUBLE itself is rounded, because the digits of its numeric would all have to fit a DECIMAL. With 15
      // digits after the point, the digits before the point are enough for every BIGINT.
      constexpr int kDigitsOfDouble = 15;
      BoundExpression number = std::move(operand.children.front());
      operand = type.kind() == TypeKind::Decimal
                    ? std::move(number)
                    : TRY(cast(std::move(number),
                               SqlType::decimal(kMaxDecimalPrecision, kDigitsOfDouble)));
    }
  }
  const bool keeps_times = keeps_times_exact_ && (is_shown || keeps_times_);
  if (is_exact_time(operand.type.label()) && !keeps_times)
    operand = TRY(computed(std::move(operand)));
  const bool is_written = is_value || is_exact_time(operand.type.label());
  if (keeps_times && is_written && type.is_time_like())
    return as_exact(std::move(operand), exact_time(type));
  if (keeps_times && is_value && type.kind() == TypeKind::Array && type.element().is_time_like())
    type = SqlType::array(exact_time(type.element()));
  if (is_exact_time(operand.type.label())) operand = TRY(close(std::move(operand)));
  // A parameter that the client has declared as NUMERIC is first read as a NUMERIC with all of its
  // digits. Then it is converted to the type of the cast: the parameter 1.1E+2 becomes the text
  // 110.
  if (is_declared_number(operand) && type.kind() != TypeKind::Decimal &&
      type.label() != label::kNumeric)
    operand = TRY(close(std::move(operand)));
  if (operand.kind == BoundKind::Parameter && operand.type.is_null()) {
    if (!scope_.texts_take_types || !is_registered_object(type))
      return coerce_to(std::move(operand), type);
    operand = TRY(coerce_to(std::move(operand), type));  // the text is a name in the catalog
  }
  if (operand.kind == BoundKind::Struct && operand.type.label() == label::kRecord &&
      type.label() == label::kComposite)
    return row_as(std::move(operand), type, position);
  // As in PostgreSQL, the text {1,2} is read as an array and the text (1,a) as a row.
  if (scope_.texts_take_types && operand.type.kind() == TypeKind::String &&
      (type.kind() == TypeKind::Array || type.label() == label::kComposite)) {
    BoundExpression read = call_expression(text_to_nested_kernel, type, {}, position);
    read.children.push_back(std::move(operand));
    return read;
  }
  if (scope_.texts_take_types)
    if (auto made = cast_registered(operand, type, position)) return *std::move(made);
  if (scope_.texts_take_types)
    if (auto made = postgres_cast(operand, type, position)) return *std::move(made);
  if (scope_.forms.zone) operand = with_zone_of(type, std::move(operand));
  auto result = cast(std::move(operand), type);
  if (result) return result;
  Error error = std::move(result).error();
  error.ksqldb = invalid_detail(error.message);
  return std::move(error).at(position);
}

}  // namespace engine
