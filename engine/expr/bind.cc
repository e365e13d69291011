// The entry points of the binder. Binds literals, columns, parameters, fields and subscripts.
#include "engine/expr/bind.h"

#include <algorithm>
#include <utility>

#include "base/suggest.h"
#include "engine/expr/bind_shown.h"
#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/member_hints.h"
#include "engine/expr/window_times.h"
#include "engine/expr/zones.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

Result<BoundExpression> not_supported(std::string_view what, TextPosition position) {
  return Error{ErrorCode::NotSupported, std::string(what) + " is not supported yet"}.at(position);
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
  // Another place in the expression may already have determined the type. The parameter gets the type without its
  // declared length, so that a value of the parameter is not cut.
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
