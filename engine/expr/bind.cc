// Binds literals, names, and the forms that are not operators.
#include "engine/expr/bind.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/suggest.h"
#include "engine/expr/assigned.h"
#include "engine/expr/bind_shown.h"
#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/member_hints.h"
#include "engine/expr/registered_objects.h"
#include "engine/expr/typed_texts.h"
#include "engine/expr/whole_numeric.h"
#include "engine/expr/window_times.h"
#include "engine/expr/zones.h"
#include "engine/sql/postgres_lengths.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

Result<BoundExpression> not_supported(std::string_view what, TextPosition position) {
  return Error{ErrorCode::NotSupported, std::string(what) + " is not supported yet"}.at(position);
}

BoundExpression constructor(BoundKind kind, SqlType type, std::vector<BoundExpression> children) {
  BoundExpression bound;
  bound.kind = kind;
  bound.type = std::move(type);
  bound.children = std::move(children);
  bound.absorbs_errors = true;
  return bound;
}

std::vector<BoundExpression> bound_of(std::vector<BoundItem> items) {
  std::vector<BoundExpression> bound;
  for (BoundItem& item : items) bound.push_back(std::move(item.bound));
  return bound;
}

// Returns the DECIMAL type with all digits of a text; nothing if the text is not a number or has too many digits.
std::optional<SqlType> decimal_of_text(std::string_view text) {
  const auto number = normal_numeric(text);
  if (!number || number->find_first_not_of("-.0123456789") != std::string::npos)
    return std::nullopt;
  const size_t point = number->find('.');
  const size_t scale = point == std::string::npos ? 0 : number->size() - point - 1;
  const size_t digits = number->size() - (point != std::string::npos) - number->starts_with('-');
  if (digits > kMaxDecimalPrecision) return std::nullopt;
  return SqlType::decimal(static_cast<int>(digits), static_cast<int>(scale));
}

}  // namespace

std::optional<SqlType> exact_numeric(const BoundExpression& bound) {
  if (bound.type.is_numeric() && bound.type.kind() != TypeKind::Double)
    return as_decimal_type(bound.type);
  if (bound.kind != BoundKind::Literal || bound.literal.is_null() ||
      bound.type.kind() != TypeKind::String)
    return std::nullopt;
  return decimal_of_text(bound.literal.as_string());
}

std::string shown(const SqlType& type) {
  return type.kind() == TypeKind::String ? "VARCHAR" : type.to_string();
}

BoundExpression call_expression(Kernel kernel, SqlType type, std::vector<BoundExpression> children,
                                TextPosition position) {
  BoundExpression call;
  call.kind = BoundKind::Call;
  call.kernel = kernel;
  call.type = std::move(type);
  call.children = std::move(children);
  call.position = position;
  return call;
}

Result<BoundExpression> Binder::bind(const Expression& expression) {
  return close(TRY(bind_open(expression)));
}

Result<BoundExpression> Binder::close(BoundExpression bound) {
  if (bound.kind != BoundKind::Parameter || !bound.type.is_null()) return bound;
  if (is_exact_time(bound.type.label()) && !keeps_times_exact_) return computed(std::move(bound));
  const SqlType type = open_type(bound.type);
  return coerce_to(std::move(bound), type);
}

// Binds an expression. If the value is only shown, a NUMERIC without a precision and a time with
// microseconds are kept as texts. If the expression is an operand of another one (depth_ > 0), such
// a value is converted to a type with which the enclosing expression can compute.
Result<BoundExpression> Binder::bind_open(const Expression& expression) {
  BoundExpression bound = TRY(bind_kept(expression));
  if (depth_ == 0) return bound;
  return computed(std::move(bound));
}

Result<BoundExpression> Binder::bind_kept(const Expression& expression) {
  for (const Scope::Substitute& substitute : scope_.substitutes) {
    if (!equals(*substitute.expression, expression)) continue;
    BoundExpression column =
        column_expression(scope_.layout[substitute.column].type, substitute.column);
    column.position = expression.position;
    return column;
  }
  // Some expressions bind an operand twice, as part of another expression. If a hundred of them were nested, binding
  // would never end.
  constexpr size_t kMostBindings = 250'000;
  if (++bindings_ > kMostBindings)
    return Error{ErrorCode::LimitExceeded, "the expression is nested too deeply"}.at(
        expression.position);
  ++depth_;
  auto bound = bind_node(expression);
  --depth_;
  if (bound) bound->position = expression.position;
  return bound;
}

Result<BoundExpression> Binder::bind_node(const Expression& expression) {
  const TextPosition position = expression.position;
  return std::visit(
      [&](const auto& node) -> Result<BoundExpression> {
        using T = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<T, NullLiteral>)
          return literal_expression({}, {});
        else if constexpr (std::is_same_v<T, BooleanLiteral>)
          return literal_expression(TypeKind::Boolean, Value::boolean(node.value));
        else if constexpr (std::is_same_v<T, IntegerLiteral>)
          return literal_expression(TypeKind::Integer, Value::integer(node.value));
        else if constexpr (std::is_same_v<T, BigintLiteral>)
          return literal_expression(TypeKind::Bigint, Value::bigint(node.value));
        else if constexpr (std::is_same_v<T, DoubleLiteral>)
          return literal_expression(TypeKind::Double, Value::number(node.value));
        else if constexpr (std::is_same_v<T, DecimalLiteral>)
          return bind_decimal(node, position);
        else if constexpr (std::is_same_v<T, StringLiteral>)
          return literal_expression(TypeKind::String, Value::text(node.value));
        else if constexpr (std::is_same_v<T, ColumnRef>)
          return bind_column(node, position);
        else if constexpr (std::is_same_v<T, Parameter>)
          return bind_parameter(node, position);
        else if constexpr (std::is_same_v<T, IntervalUnit>)
          return bind_column(ColumnRef{std::nullopt, Name{node.word}}, position);
        else if constexpr (std::is_same_v<T, Dereference>)
          return bind_dereference(node, position);
        else if constexpr (std::is_same_v<T, Subscript>)
          return bind_subscript(node, expression);
        else if constexpr (std::is_same_v<T, FunctionCall>)
          return bind_call(node, position, CallKind::Scalar);
        else if constexpr (std::is_same_v<T, Lambda>)
          return Error{ErrorCode::TypeMismatch, "a lambda can only be a function's argument"}.at(
              position);
        else if constexpr (std::is_same_v<T, Arithmetic>)
          return bind_arithmetic(node, expression);
        else if constexpr (std::is_same_v<T, Signed>)
          return bind_sign(node, position);
        else if constexpr (std::is_same_v<T, Comparison>)
          return bind_comparison(node, position);
        else if constexpr (std::is_same_v<T, Logical>)
          return bind_logical(node, position);
        else if constexpr (std::is_same_v<T, Not>)
          return bind_not(node, position);
        else if constexpr (std::is_same_v<T, Between>)
          return bind_between(node, position);
        else if constexpr (std::is_same_v<T, In>)
          return bind_in(node, position);
        else if constexpr (std::is_same_v<T, Like>)
          return bind_like(node, position);
        else if constexpr (std::is_same_v<T, IsNull>)
          return bind_is_null(node, position);
        else if constexpr (std::is_same_v<T, Case>)
          return bind_case(node, position);
        else if constexpr (std::is_same_v<T, Cast>)
          return bind_cast(node, position);
        else if constexpr (std::is_same_v<T, AtTimeZone>)
          return bind_at_time_zone(node, position);
        else if constexpr (std::is_same_v<T, ArrayConstructor>)
          return bind_array(node, position);
        else if constexpr (std::is_same_v<T, MapConstructor>)
          return bind_map(node, position);
        else if constexpr (std::is_same_v<T, Subquery>)
          return not_supported("a sub-query at this place", position);
        else
          return bind_struct(node, position);
      },
      expression.node);
}

namespace {

// Returns the precision of a number: its digits, of which at least one is before the point.
int digits_of(const Decimal& decimal) {
  int whole_digits = 0;
  for (Int128 rest = decimal.unscaled / power_of_ten(decimal.scale); rest != 0; rest /= 10)
    ++whole_digits;
  return std::max(whole_digits, 1) + decimal.scale;
}

}  // namespace

Result<BoundExpression> Binder::bind_decimal(const DecimalLiteral& literal,
                                             TextPosition position) const {
  const auto value = parse_decimal(literal.text);
  const int precision = value ? digits_of(*value) : 0;
  if (!value || precision > kMaxDecimalPrecision)
    return Error{ErrorCode::OutOfRange, "the number " + literal.text + " has more than 38 digits"}
        .at(position);
  return literal_expression(SqlType::decimal(precision, value->scale), Value(*value));
}

Result<BoundExpression> Binder::bind_column(const ColumnRef& column, TextPosition position) {
  if (!column.source) {
    for (auto name = lambda_names_.rbegin(); name != lambda_names_.rend(); ++name) {
      if (name->name != column.name.text) continue;
      BoundExpression parameter;
      parameter.kind = BoundKind::LambdaParameter;
      parameter.type = name->type;
      parameter.index = name->number;
      return parameter;
    }
  }
  const auto index = resolve(column, position);
  if (!index && scope_.texts_take_types && index.error().code == ErrorCode::UndefinedColumn) {
    if (const ExpressionPtr call = call_of_word(column, position)) return bind_kept(*call);
    if (const ExpressionPtr time = window_bound_as_time(column, position))
      if (auto bound = bind_kept(*time)) return bound;
  }
  if (!index) return index.error();
  return column_expression(scope_.layout[*index].type, *index);
}

Result<BoundExpression> Binder::bind_parameter(const Parameter& parameter, TextPosition position) {
  if (scope_.parameters == nullptr)
    return Error{ErrorCode::InvalidParameter,
                 "there is no parameter $" + std::to_string(parameter.index)}
        .at(position);
  const auto index = static_cast<size_t>(parameter.index) - 1;
  if (scope_.parameters->size() <= index) scope_.parameters->resize(index + 1);
  const ParameterSlot& slot = (*scope_.parameters)[index];
  if (slot.value && !slot.type.is_null()) return bind_value(index, position);
  BoundExpression bound;
  bound.kind = BoundKind::Parameter;
  bound.type = slot.type;
  bound.index = static_cast<uint32_t>(index);
  return bound;
}

SqlType with_spare_digits(SqlType type) {
  if (type.kind() != TypeKind::Decimal || type.label() != label::kNone) return type;
  const int spare = kMaxDecimalPrecision - type.precision();
  return SqlType::decimal(kMaxDecimalPrecision, type.scale() + spare / 2);
}

namespace {

// Returns the number as a literal without trailing zeros after the point.
BoundExpression decimal_as_written(const Decimal& decimal) {
  Decimal least = decimal;
  for (; least.scale > 0 && least.unscaled % 10 == 0; --least.scale) least.unscaled /= 10;
  return literal_expression(SqlType::decimal(digits_of(least), least.scale), Value(least));
}

bool is_whole(const SqlType& type) {
  return type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint;
}

}  // namespace

bool is_declared_number(const BoundExpression& bound) {
  return bound.kind == BoundKind::Parameter && bound.type.is_null() &&
         bound.type.label() == label::kNumeric;
}

Result<BoundExpression> Binder::take_type_beside(BoundExpression bound, const SqlType& beside) {
  // A parameter that the client declares as NUMERIC may have digits after the point, even next to a whole number.
  const bool is_declared = is_declared_number(bound) && is_whole(beside);
  const SqlType type = is_declared ? as_decimal_type(beside) : beside;
  if (bound.kind != BoundKind::Parameter || type.kind() != TypeKind::Decimal)
    return coerce_to(std::move(bound), type);
  ParameterSlot& slot = (*scope_.parameters)[bound.index];
  if (slot.type.is_null()) slot.type = with_spare_digits(type);
  if (slot.value) return bind_value(bound.index, {});
  bound.type = slot.type;
  return bound;
}

Status Binder::keep_digits_beside(BoundItem& item, const SqlType& type) {
  const bool is_open = item.bound.kind == BoundKind::Parameter && item.bound.type.is_null();
  if (is_open &&
      (type.kind() == TypeKind::Decimal || (is_whole(type) && is_declared_number(item.bound))))
    item.bound = TRY(take_type_beside(std::move(item.bound), type));
  return {};
}

Result<BoundExpression> Binder::coerce_to(BoundExpression bound, const SqlType& type) {
  if (bound.kind != BoundKind::Parameter || !bound.type.is_null() || type.is_null())
    return coerce_in_zone(std::move(bound), type);
  ParameterSlot& slot = (*scope_.parameters)[bound.index];
  // Another place in the expression may already have determined the type. A declared length does not apply to the
  // parameter, so its value is not cut.
  if (slot.type.is_null()) slot.type = without_declared_lengths(type);
  bound.type = slot.type;
  if (slot.value) return coerce_in_zone(TRY(bind_value(bound.index, {})), type);
  // Another place has given the parameter a DECIMAL type with spare digits, so the parameter is cast to the type that
  // is needed here.
  if (slot.type.kind() == TypeKind::Decimal && type.kind() == TypeKind::Decimal)
    return cast_or_fold(std::move(bound), type);
  return coerce_in_zone(std::move(bound), type);
}

Result<BoundExpression> Binder::coerce_in_zone(BoundExpression bound, const SqlType& type) const {
  if (bound.type.is_null()) return coerce(std::move(bound), type);
  if (auto value = literal_in(scope_, bound, type))
    return literal_expression(type, *std::move(value));
  const bool is_text = bound.kind == BoundKind::Literal && bound.type == TypeKind::String &&
                       !bound.literal.is_null();
  if (scope_.texts_take_types && type.kind() == TypeKind::Boolean && is_text)
    return invalid_text("boolean", bound.literal.as_string()).at(bound.position);
  return coerce(scope_.forms.zone ? with_zone_of(type, std::move(bound)) : std::move(bound), type);
}

// Returns a copy of the parameter's value. Each place in the expression has its own copy, so the total size of the
// copies is limited: a large value in a thousand places would take a thousand times its size.
Result<BoundExpression> Binder::bind_value(size_t index, TextPosition position) {
  constexpr size_t kMaxCopiedBytes = size_t{64} << 20;
  const ParameterSlot& slot = (*scope_.parameters)[index];
  size_t& copied_bytes = scope_.parameters->front().copied_bytes;
  copied_bytes += size_of(*slot.value);
  if (copied_bytes > kMaxCopiedBytes)
    return Error{ErrorCode::LimitExceeded,
                 "the parameters of a statement have more than 64 MB where they are used"}
        .at(position);
  const bool is_decimal = slot.type.kind() == TypeKind::Decimal && !slot.value->is_null();
  return is_decimal && slot.type.label() == label::kNone
             ? decimal_as_written(slot.value->as_decimal())
             : literal_expression(slot.type, *slot.value);
}

// Binds CAST. A cast to VARCHAR(3) cuts the text after three characters; writing a longer text to such a column is an
// error instead. Times are rounded. A persistent query ignores the length without a notice, as ksqlDB does.
Result<BoundExpression> Binder::bind_cast(const Cast& node, TextPosition position) {
  return bind_with_length(node, LengthRule::Cast, position);
}

namespace {

// Returns whether each item must be converted by itself, because text literals are mixed with other items, or because
// items that are not texts become texts.
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
  // As in PostgreSQL, each item is cast by itself, so the items need no common type.
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

Result<BoundExpression> Binder::bind_at_time_zone(const AtTimeZone& node, TextPosition position) {
  if (!scope_.texts_take_types) return not_supported("AT TIME ZONE", position);
  FunctionCall call{"TIMEZONE", {}};
  call.arguments.push_back(clone(*node.zone));
  call.arguments.push_back(clone(*node.value));
  return bind_call(call, position, CallKind::Scalar);
}

Result<BoundExpression> Binder::bind_dereference(const Dereference& node, TextPosition position) {
  BoundExpression base = TRY(bind(*node.base));
  const std::string text = to_sql(*node.base);
  if (base.type.kind() != TypeKind::Struct)
    return with_ksqldb(ErrorCode::TypeMismatch,
                       text + " is of type " + shown(base.type) + " and has no fields",
                       "Expected STRUCT type, got: " + base.type.to_string())
        .with_hint(base.type.kind() == TypeKind::String
                       ? "EXTRACTJSONFIELD(" + text +
                             ", '$.a') reads a field of a text of JSON. A "
                             "column of type STRUCT<a INT, b VARCHAR> has fields."
                       : "A column of type STRUCT<a INT, b VARCHAR> has fields.")
        .at(position);
  const int field = base.type.field_index(node.field.text);
  if (field < 0) {
    std::vector<std::string> names;
    for (const Field& known : base.type.fields()) names.push_back(known.name);
    return Error{ErrorCode::UndefinedColumn,
                 "Could not find field '" + node.field.text + "' in '" + text + "'."}
        .with_hint(did_you_mean(node.field.text, names))
        .at(position);
  }
  BoundExpression bound;
  bound.kind = BoundKind::Field;
  bound.type = base.type.fields()[static_cast<size_t>(field)].type;
  bound.index = static_cast<uint32_t>(field);
  bound.children.push_back(std::move(base));
  return bound;
}

Result<BoundExpression> Binder::bind_subscript(const Subscript& node,
                                               const Expression& expression) {
  BoundExpression base = TRY(bind(*node.base));
  const TextPosition position = expression.position;
  if (base.type.label() == label::kJsonb) {
    FunctionCall member{"PG_CATALOG.JSON_GET", {}};
    member.arguments.push_back(clone(*node.base));
    member.arguments.push_back(clone(*node.index));
    return bind_call(member, position, CallKind::Scalar);
  }
  BoundExpression index = TRY(bind_open(*node.index));
  BoundExpression bound;
  if (base.type.kind() == TypeKind::Array) {
    if (index.type.kind() == TypeKind::Bigint)
      index = TRY(cast(std::move(index), TypeKind::Integer));
    if (!index.type.is_null() && index.type.kind() != TypeKind::Integer)
      return Error{ErrorCode::TypeMismatch,
                   "the index of an array must be an INTEGER, not " + shown(index.type)}
          .at(position);
    index = TRY(coerce_to(std::move(index), TypeKind::Integer));
    bound = call_expression(array_element_kernel, base.type.element(), {}, position);
  } else if (base.type.kind() == TypeKind::Map) {
    auto key = coerce_to(std::move(index), base.type.key());
    if (!key) return std::move(key).error().at(position);
    index = *std::move(key);
    bound = call_expression(map_value_kernel, base.type.value(), {}, position);
  } else {
    const auto* const name = node.index->as<StringLiteral>();
    std::string hint =
        "ARRAY and MAP have elements: array[1], map['a']. SUBSTRING(a, 1, 1) is a part of a text.";
    if (name && base.type.kind() == TypeKind::String)
      hint = hint_for_members(to_sql(*node.base), {&name->value, 1});
    if (name && base.type.kind() == TypeKind::Struct)
      hint = hint_for_field(to_sql(*node.base), base.type, name->value);
    return Error{ErrorCode::TypeMismatch, "Subscript expression (" + to_sql(expression) +
                                              ") do not apply to " + base.type.to_string() + "."}
        .with_hint(std::move(hint))
        .at(position);
  }
  bound.can_fail = false;
  bound.children.push_back(std::move(base));
  bound.children.push_back(std::move(index));
  return bound;
}

namespace {

// Returns the common type of those results of a CASE that are not text literals; Null if they have no common type.
SqlType told_type(std::span<const BoundItem> results) {
  SqlType told;
  for (const BoundItem& result : results) {
    if (result.source->is<StringLiteral>() || result.bound.type.is_null()) continue;
    const auto shared = common_type(told, result.bound.type);
    if (!shared) return {};
    told = *shared;
  }
  return told;
}

// Numbers the volatile calls in the operand of a CASE, because calls with the same number are computed once. The
// operand is written once and compared with each WHEN, so the calls must return the same value each time. The numbers
// depend on the place in the text, so that another CASE has other numbers.
void number_changing_calls(BoundExpression& operand, TextPosition place, uint32_t& count) {
  using enum BoundKind;
  // Parts of these expressions are computed only for some rows, so their calls have no common value.
  if (operand.kind == Case || operand.kind == And || operand.kind == Or || operand.kind == Lambda)
    return;
  if (operand.kind == Call && !operand.is_deterministic && operand.index == 0)
    operand.index = 1 + ((place.line << 16 ^ place.column << 6) + count++);
  for (BoundExpression& child : operand.children) number_changing_calls(child, place, count);
}

}  // namespace

Result<BoundExpression> Binder::bind_case(const Case& node, TextPosition position) {
  BoundExpression bound;
  bound.kind = BoundKind::Case;
  for (const CaseBranch& branch : node.branches) {
    if (node.operand) {
      BoundItem operand{node.operand.get(), TRY(bind_open(*node.operand))};
      uint32_t changing_calls = 0;
      number_changing_calls(operand.bound, node.operand->position, changing_calls);
      BoundItem when{branch.when.get(), TRY(bind_open(*branch.when))};
      bound.children.push_back(TRY(compare(ComparisonOp::Equal, std::move(operand), std::move(when),
                                           branch.when->position)));
    } else {
      bound.children.push_back(TRY(bind_condition(*branch.when, "WHEN")));
    }
    bound.children.push_back(TRY(bind_open(*branch.then)));
  }
  bound.children.push_back(node.otherwise ? TRY(bind_open(*node.otherwise))
                                          : literal_expression({}, {}));
  // The children are conditions and results in turn, followed by the result of ELSE.
  std::vector<BoundExpression*> results;
  for (size_t i = 1; i < bound.children.size(); i += 2) results.push_back(&bound.children[i]);
  results.push_back(&bound.children.back());
  if (scope_.texts_take_types) {  // a text literal is read as a value of the other results' type
    std::vector<BoundItem> items;
    for (size_t i = 0; i < node.branches.size(); ++i)
      items.push_back({node.branches[i].then.get(), std::move(*results[i])});
    if (node.otherwise) items.push_back({node.otherwise.get(), std::move(*results.back())});
    const SqlType told = told_type(items);
    for (size_t i = 0; i < items.size(); ++i) {
      TRY(keep_digits_beside(items[i], told));
      TRY(read_text_as(items[i], told));
      *results[i] = std::move(items[i].bound);
    }
  }
  for (const BoundExpression* result : results) {
    const bool is_default = result == results.back();
    if (result->type.is_null()) continue;
    if (bound.type.is_null()) bound.type = result->type;
    if (result->type == bound.type) {
      bound.type = common_type(bound.type, result->type).value_or(bound.type);
      continue;
    }
    if (scope_.texts_take_types)
      if (const auto shared = common_type(bound.type, result->type)) {
        bound.type = *shared;
        continue;
      }
    return with_ksqldb(
               ErrorCode::TypeMismatch,
               "the branches of a CASE must have one type, not " + shown(bound.type) + " and " +
                   shown(result->type),
               invalid_detail(
                   is_default
                       ? "Invalid Case expression. Type for the default clause should be the same "
                         "as for 'THEN' clauses.\nTHEN type: " +
                             in_ksqldb(bound.type) + ".\nDEFAULT type: " + in_ksqldb(result->type) +
                             "."
                       : "Invalid Case expression. Type for all 'THEN' clauses should be the "
                         "same."))
        .with_hint("CAST the branches to one type.")
        .at(position);
  }
  const bool has_parameter = std::ranges::any_of(
      results, [](const auto* result) { return result->kind == BoundKind::Parameter; });
  if (bound.type.is_null() && has_parameter)
    bound.type = open_type((*std::ranges::find(results, BoundKind::Parameter, [](const auto* each) {
                             return each->kind;
                           }))->type);
  if (bound.type.is_null() && scope_.texts_take_types) bound.type = TypeKind::String;
  if (bound.type.is_null())
    return with_ksqldb(ErrorCode::TypeMismatch, "all branches of the CASE are NULL",
                       invalid_detail("Invalid Case expression. All case branches have NULL type"))
        .at(position);
  for (BoundExpression* result : results) *result = TRY(coerce_to(std::move(*result), bound.type));
  return bound;
}

Result<BoundExpression> Binder::bind_array(const ArrayConstructor& node, TextPosition position) {
  if (node.elements.empty() && scope_.texts_take_types)
    return Error{ErrorCode::UnknownDataType, "cannot determine type of empty array"}
        .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
        .at(position);
  if (node.elements.empty())
    return Error{ErrorCode::InvalidStatement,
                 "Array constructor cannot be empty. Please supply at least one element (see "
                 "https://github.com/confluentinc/ksql/issues/4239)."}
        .at(position);
  std::vector<BoundItem> items;
  for (const ExpressionPtr& element : node.elements)
    items.push_back({element.get(), TRY(bind_open(*element))});
  if (scope_.texts_take_types) {  // a text literal gets the type of the other items
    const SqlType told = told_type(items);
    for (BoundItem& item : items) TRY(read_text_as(item, told));
  }
  SqlType element = TRY(unify(items));
  if (element.is_null())
    return Error{ErrorCode::TypeMismatch,
                 "Cannot construct an array with all NULL elements (see "
                 "https://github.com/confluentinc/ksql/issues/4239). As a workaround, you may "
                 "cast a NULL value to the desired type."}
        .at(position);
  return constructor(BoundKind::Array, SqlType::array(std::move(element)),
                     bound_of(std::move(items)));
}

Result<BoundExpression> Binder::bind_map(const MapConstructor& node, TextPosition position) {
  if (node.entries.empty())
    return Error{ErrorCode::InvalidStatement,
                 "Map constructor cannot be empty. Please supply at least one key value pair (see "
                 "https://github.com/confluentinc/ksql/issues/4239)."}
        .at(position);
  std::vector<BoundItem> keys, values;
  for (const MapEntry& entry : node.entries) {
    keys.push_back({entry.key.get(), TRY(bind_open(*entry.key))});
    values.push_back({entry.value.get(), TRY(bind_open(*entry.value))});
  }
  SqlType key = TRY(unify(keys));
  SqlType value = TRY(unify(values));
  if (key.is_null() || value.is_null())
    return Error{ErrorCode::TypeMismatch,
                 std::string("Cannot construct a map with all NULL ") +
                     (key.is_null() ? "keys" : "values") +
                     " (see https://github.com/confluentinc/ksql/issues/4239). As a workaround, "
                     "you may cast a NULL key to the desired type."}
        .at(position);
  std::vector<BoundExpression> children;
  for (size_t i = 0; i < keys.size(); ++i) {
    children.push_back(std::move(keys[i].bound));
    children.push_back(std::move(values[i].bound));
  }
  return constructor(BoundKind::Map, SqlType::map(std::move(key), std::move(value)),
                     std::move(children));
}

Result<BoundExpression> Binder::bind_struct(const StructConstructor& node, TextPosition position) {
  std::vector<Field> fields;
  std::vector<BoundExpression> children;
  std::set<std::string> names;
  for (const StructField& field : node.fields) {
    BoundExpression value = TRY(bind(*field.value));
    if (!names.insert(field.name.text).second)
      return Error{ErrorCode::DuplicateColumn,
                   "Duplicate field names found in STRUCT: '" + field.name.text + "'"}
          .at(position);
    if (value.type.is_null())
      return Error{ErrorCode::TypeMismatch,
                   "Can't infer a type of null. Please explicitly cast it to a required type, "
                   "e.g. CAST(null AS VARCHAR)."}
          .at(field.value->position);
    fields.push_back({field.name.text, value.type});
    children.push_back(std::move(value));
  }
  return constructor(BoundKind::Struct, SqlType::structure(std::move(fields)), std::move(children));
}

BoundExpression with_nulls_of(const Scope& scope, BoundExpression bound) {
  if (!scope.has_checks()) return bound;
  const bool as_postgres = scope.texts_take_types;
  const auto mark = [as_postgres](const auto& self, BoundExpression& node) -> void {
    node.knows_unknown = as_postgres;
    node.checks_range = true;
    // If ranges are checked, a cast to a narrower number can fail. ksqlDB truncates numbers that do not fit.
    if (node.kernel == cast_kernel && !node.children.empty()) {
      const SqlType& from = node.children[0].type;
      const bool is_narrowed =
          from.is_numeric() && node.type.is_numeric() && from.kind() > node.type.kind();
      const bool is_read = as_postgres && from.kind() == TypeKind::String;
      node.can_fail = node.can_fail || is_narrowed || is_read;
    }
    for (BoundExpression& child : node.children) self(self, child);
  };
  mark(mark, bound);
  return bound;
}

Result<BoundExpression> bind(const Expression& expression, const Scope& scope) {
  return with_nulls_of(scope, TRY(Binder(scope).bind(expression)));
}

Result<BoundExpression> bind_shown(const Expression& expression, const Scope& scope) {
  return with_nulls_of(scope, TRY(Binder(scope, true).bind(expression)));
}

Result<BoundExpression> bind_predicate(const Expression& expression, const Scope& scope) {
  Binder binder(scope);
  BoundExpression bound = TRY(binder.bind_open(expression));
  if (bound.kind == BoundKind::Parameter && bound.type.is_null())
    return binder.coerce_to(std::move(bound), TypeKind::Boolean);
  if (bound.type.kind() == TypeKind::Boolean) return with_nulls_of(scope, std::move(bound));
  if (bound.type.is_null() && scope.texts_take_types)
    return with_nulls_of(scope, literal_expression(TypeKind::Boolean, {}));
  const std::string clause(scope.clause);
  return with_ksqldb(ErrorCode::TypeMismatch,
                     "the condition of " + clause + " must be a BOOLEAN, not " + shown(bound.type),
                     "Type error in " + clause + " expression: Should evaluate to boolean but is " +
                         to_sql(expression) + " (" + bound.type.to_string() + ") instead.")
      .at(expression.position);
}

Result<uint32_t> resolve_column(const ColumnRef& column, TextPosition position,
                                const Scope& scope) {
  return Binder(scope).resolve(column, position);
}

Result<BoundAggregate> bind_aggregate(const FunctionCall& call, TextPosition position,
                                      const Scope& scope,
                                      std::map<std::string, std::string> properties) {
  BoundAggregate bound = TRY(Binder(scope).bind_aggregate(call, position, std::move(properties)));
  for (BoundExpression& argument : bound.arguments)
    argument = with_nulls_of(scope, std::move(argument));
  return bound;
}

Result<BoundExpression> bind_table_function(const FunctionCall& call, TextPosition position,
                                            const Scope& scope) {
  return with_nulls_of(scope, TRY(Binder(scope).bind_call(call, position, CallKind::Table)));
}

}  // namespace engine
