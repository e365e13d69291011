// Converts values and expressions to a type.
#include <algorithm>

#include "engine/expr/assigned.h"
#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/null_failures.h"
#include "engine/expr/program.h"
#include "engine/expr/whole_numeric.h"
#include "engine/expr/zones.h"
#include "engine/functions/session_zone.h"
#include "engine/types/coercion.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/written_dates.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// Adds the hint for a date whose day and month are in another order. Errors of kernels have no hints.
Error with_order(Error error) {
  const std::string_view message = error.message;
  const size_t quote = message.find('"');
  if (error.code != ErrorCode::InvalidTimestamp || quote == std::string_view::npos ||
      !message.ends_with('"') || quote + 1 == message.size())
    return error;
  error.hint = hint_about_order(message.substr(quote + 1, message.size() - quote - 2));
  return error;
}

Error no_coercion(const SqlType& from, const SqlType& to) {
  return Error{ErrorCode::TypeMismatch, "expected " + shown(to) + " but got " + shown(from)};
}

using Properties = std::map<std::string, std::string>;

// Applies the kernel to one value.
Result<Value> kernel_value(Kernel kernel, const Value& value, const SqlType& from,
                           const SqlType& to, bool as_postgres, const Properties* properties) {
  static const SimulatedClock kNoClock;  // casts never read the clock
  Random random(0);
  const EvalContext context{kNoClock, random, properties};
  const ColumnPtr column = constant_column(from, value, 1);
  Column out(to);
  RowErrors errors(1);
  const Argument argument{column.get()};
  KernelCall call{std::span(&argument, 1), 1, out, errors, context};
  call.knows_unknown = as_postgres;
  // The range is always checked here. If it is exceeded, the literal is not converted now but by a cast in the plan,
  // which checks the range only if the rules of the query require it.
  call.checks_range = true;
  kernel(call);
  if (errors.any())
    return with_order({errors.messages().front().code, errors.messages().front().text});
  return out.value_at(0);
}

// Casts one literal. With `as_postgres`, the rules for SELECTs over tables apply: numbers are rounded, and their range
// is checked. `properties` are those of the session and have its time zone; null: UTC.
Result<Value> cast_value(const Value& value, const SqlType& from, const SqlType& to,
                         bool as_postgres = false, const Properties* properties = nullptr) {
  if (!is_castable(from, to)) return no_coercion(from, to);
  return kernel_value(cast_kernel, value, from, to, as_postgres, properties);
}

BoundExpression cast_call(BoundExpression expression, const SqlType& type) {
  const TextPosition position = expression.position;
  const bool can_fail = !cast_never_fails(expression.type, type);
  BoundExpression call = call_expression(cast_kernel, type, {}, position);
  call.can_fail = can_fail;
  call.children.push_back(std::move(expression));
  return call;
}

bool literal_fits(const BoundExpression& literal, const SqlType& type) {
  if (literal.literal.is_null() || is_implicitly_castable(literal.type, type)) return true;
  if (type.kind() == TypeKind::String) return !literal.type.is_nested();
  if (literal.type.kind() == TypeKind::String) return is_castable(literal.type, type);
  return false;
}

Result<BoundExpression> coerce_children(BoundExpression constructor, const SqlType& type) {
  std::vector<BoundExpression> children;
  switch (constructor.kind) {
    case BoundKind::Array:
      for (BoundExpression& child : constructor.children)
        children.push_back(TRY(coerce(std::move(child), type.element())));
      break;
    case BoundKind::Map:
      for (size_t i = 0; i < constructor.children.size(); ++i)
        children.push_back(TRY(
            coerce(std::move(constructor.children[i]), i % 2 == 0 ? type.key() : type.value())));
      break;
    default: {
      const SqlType old = constructor.type;
      for (const Field& field : type.fields()) {
        const int at = old.field_index(field.name);
        children.push_back(
            at < 0 ? literal_expression(field.type, {})
                   : TRY(coerce(std::move(constructor.children[static_cast<size_t>(at)]),
                                field.type)));
      }
    }
  }
  constructor.children = std::move(children);
  constructor.type = type;
  return constructor;
}

bool is_constructor_of(const BoundExpression& expression, const SqlType& type) {
  switch (expression.kind) {
    case BoundKind::Array:
      return type.kind() == TypeKind::Array;
    case BoundKind::Map:
      return type.kind() == TypeKind::Map;
    case BoundKind::Struct:
      return type.kind() == TypeKind::Struct &&
             std::ranges::all_of(expression.type.fields(), [&](const Field& field) {
               return type.field_index(field.name) >= 0;
             });
    default:
      return false;
  }
}

// Converts one value by the rules of INSERT: implicit coercion, decimals that lose no digits, and
// texts that are parsed as values of the type.
Result<Value> coerce_value(const Value& value, const SqlType& from, const SqlType& to,
                           const Properties* properties) {
  if (value.is_null()) return value;
  if (from == to && needs_label_work(from, to))
    return cast_value(value, from, to, false, properties);
  if (from == to && has_forms(from) && !is_normalized(to))
    return cast_value(value, from, to, false, properties);
  if (from == to) return value;
  if (from.is_numeric() && to.kind() == TypeKind::Decimal && from.kind() != TypeKind::Double) {
    const SqlType exact = as_decimal_type(from);
    const Decimal number = from.kind() == TypeKind::Decimal  ? value.as_decimal()
                           : from.kind() == TypeKind::Bigint ? Decimal{value.as_int64(), 0}
                                                             : Decimal{value.as_int32(), 0};
    const int precision = std::min(to.precision(), kMaxDecimalPrecision);
    const Int128 unscaled = TRY(rescale(number, precision, to.scale(), Rounding::Exact));
    return Value::decimal(unscaled, to.scale());
  }
  if (from.is_numeric() && to.is_numeric()) {
    if (!is_implicitly_castable(from, to)) return no_coercion(from, to);
    return cast_value(value, from, to);
  }
  // Any value that has a text form may be written to a column of texts.
  if (from.kind() == TypeKind::Bytes && to.kind() == TypeKind::String && !is_normalized(to)) {
    std::string text = "\\x";
    append_hex(text, value.as_string(), HexCase::Lower);
    return Value::text(std::move(text));
  }
  if (from.kind() == TypeKind::String && !to.is_nested()) {
    const bool has_forms = properties != nullptr && to.is_time_like();
    return cast_value(value, from, to, has_forms, properties);
  }
  if (from.kind() != to.kind()) return no_coercion(from, to);
  switch (to.kind()) {
    case TypeKind::Array: {
      ValueList items;
      for (const Value& item : value.as_list())
        items.push_back(TRY(coerce_value(item, from.element(), to.element(), properties)));
      return Value::list(std::move(items));
    }
    case TypeKind::Map: {
      ValueMap entries;
      for (const auto& [key, item] : value.as_map())
        entries.emplace_back(TRY(coerce_value(key, from.key(), to.key(), properties)),
                             TRY(coerce_value(item, from.value(), to.value(), properties)));
      return Value::map(std::move(entries));
    }
    case TypeKind::Struct: {
      for (const Field& field : from.fields())
        if (to.field_index(field.name) < 0) return no_coercion(from, to);
      ValueList fields;
      for (const Field& field : to.fields()) {
        const int at = from.field_index(field.name);
        fields.push_back(at < 0 ? Value()
                                : TRY(coerce_value(value.as_list()[static_cast<size_t>(at)],
                                                   from.fields()[static_cast<size_t>(at)].type,
                                                   field.type, properties)));
      }
      return Value::list(std::move(fields));
    }
    default:
      return no_coercion(from, to);
  }
}

// Checks that the expression can be computed without rows: every call has a kernel, and no
// parameter lacks a value.
Status check_computable(const BoundExpression& expression) {
  if (expression.kind == BoundKind::Parameter)
    return Error{ErrorCode::InvalidParameter,
                 "parameter $" + std::to_string(expression.index + 1) + " has no value"}
        .at(expression.position);
  if (expression.kind == BoundKind::Call && expression.kernel == nullptr)
    return Error{ErrorCode::NotSupported,
                 "this operation on " + shown(expression.type) + " is not supported yet"}
        .at(expression.position);
  for (const BoundExpression& child : expression.children) TRY(check_computable(child));
  return {};
}

// Converts one value by PostgreSQL's rules: digits beyond the scale of a DECIMAL are rounded, and values with and
// without a time zone are converted in the session's zone.
Result<Value> assigned_value(const Value& value, const SqlType& from, const SqlType& to,
                             const Properties* properties) {
  const ZoneClockPtr zone = properties && !value.is_null() ? session_zone(*properties) : nullptr;
  if (zone && is_clock(from) && is_instant(to))
    return Value::bigint(zone->instant_ms(value.as_int64()));
  if (zone && is_instant(from) && is_clock(to))
    return Value::bigint(clock_of_instant(zone.get(), value.as_int64()));
  if (from.kind() == TypeKind::Decimal && to.kind() == TypeKind::Decimal && !value.is_null()) {
    const int precision = std::min(to.precision(), kMaxDecimalPrecision);
    const Int128 unscaled =
        TRY(rescale(value.as_decimal(), precision, to.scale(), Rounding::HalfUp));
    return Value::decimal(unscaled, to.scale());
  }
  return coerce_value(value, from, to, properties);
}

// Returns whether PostgreSQL casts implicitly when a value is written to a column: between numbers, between dates and
// times, and from any type to text. A text from a client is parsed as a value of the column's type.
bool is_assigned_by_cast(const SqlType& from, const SqlType& to) {
  if (from == to || to.is_nested()) return false;
  if (from.is_numeric() && to.is_numeric()) return true;
  if (to.is_time_like())
    return from.is_time_like() ? is_castable(from, to) : from.kind() == TypeKind::String;
  if (from.kind() == TypeKind::String) return !is_normalized(to);
  return to.kind() == TypeKind::String && !is_normalized(to) && from.kind() != TypeKind::Bytes;
}

// Binds the expression. A parameter takes `type`, and must have a value.
Result<BoundExpression> bind_to(const Expression& expression, const SqlType& type,
                                const Scope& scope) {
  Binder binder(scope);
  BoundExpression bound = TRY(binder.bind_open(expression));
  if (bound.kind == BoundKind::Parameter) {
    bound = TRY(binder.coerce_to(std::move(bound), type));
    if (bound.kind != BoundKind::Literal)
      return Error{ErrorCode::InvalidParameter,
                   "parameter $" + std::to_string(bound.index + 1) + " has no value"}
          .at(expression.position);
  }
  return with_nulls_of(scope, std::move(bound));
}

// Returns whether the result of the call depends on the label of its type, because of range checks, rounding of digits,
// zones or cutting of texts. Such a call keeps its type, even if the value is used as another type.
bool is_made_by_label(const BoundExpression& expression, const SqlType& type) {
  if (expression.kind != BoundKind::Call || expression.type.is_identical(type)) return false;
  return needs_label_work(type, expression.type) || type.kind() == TypeKind::Timestamp ||
         has_declared_length(expression.type);
}

}  // namespace

Result<Value> assign_constant(const Expression& expression, const SqlType& type,
                              std::string_view column, const Scope& scope,
                              const EvalContext& context) {
  if (!scope.texts_take_types) return evaluate_constant(expression, type, scope, context);
  BoundExpression bound = TRY(bind_to(expression, type, scope));
  if (is_text_for_time(&expression, bound.type, type))
    return text_for_time(column, type, bound.type).at(expression.position);
  const Value value = TRY(evaluate_constant(bound, context));
  const SqlType& from = bound.type;
  const bool is_whole = is_numeric_alone(type) && names_number(expression);
  auto assigned =
      is_whole && !value.is_null() && is_castable(from, type)
          ? kernel_value(whole_numeric_kernel, value, from, type, true, context.properties)
      : !value.is_null() && is_assigned_by_cast(from, type)
          ? cast_value(value, from, type, true, context.properties)
          : assigned_value(value, from, type, context.properties);
  if (!assigned) return std::move(assigned).error().at(expression.position);
  return assigned;
}

BoundExpression cast_or_fold(BoundExpression expression, const SqlType& type) {
  if (expression.type == type && !needs_label_work(expression.type, type)) {
    if (is_made_by_label(expression, type)) return cast_call(std::move(expression), type);
    expression.type = type;
    return expression;
  }
  if (expression.kind == BoundKind::Literal) {
    if (expression.literal.is_null()) {
      expression.type = type;
      return expression;
    }
    if (auto value = cast_value(expression.literal, expression.type, type)) {
      expression.literal = *std::move(value);
      expression.type = type;
      return expression;
    }
  }
  return cast_call(std::move(expression), type);
}

Result<BoundExpression> coerce(BoundExpression expression, const SqlType& type) {
  if (expression.type == type) return cast_or_fold(std::move(expression), type);
  if (expression.type.is_null() && expression.kind == BoundKind::Literal)
    return cast_or_fold(std::move(expression), type);
  if (is_constructor_of(expression, type)) return coerce_children(std::move(expression), type);
  const bool fits = expression.kind == BoundKind::Literal
                        ? literal_fits(expression, type)
                        : is_implicitly_castable(expression.type, type);
  if (!fits) return no_coercion(expression.type, type).at(expression.position);
  return cast_or_fold(std::move(expression), type);
}

Result<BoundExpression> cast(BoundExpression expression, const SqlType& type) {
  // Types that differ only in their labels (such as jsonb and text) are equal. A cast between such types is still
  // needed if the old label has an effect. The label of a call decides how its result is computed, for example within
  // which range. The values of a column keep the label of the column, which decides how a jsonb is compared, and
  // whether a timestamp is shown with a zone.
  const bool is_made =
      !expression.type.is_identical(type) &&
      (expression.kind == BoundKind::Call ||
       (expression.kind == BoundKind::Column &&
        (has_comparable_form(expression.type) || type.kind() == TypeKind::Timestamp)));
  const bool is_shown = has_forms(expression.type) && !is_normalized(type);
  if (expression.type == type && !is_made && !is_shown &&
      !needs_label_work(expression.type, type)) {
    expression.type = type;
    return expression;
  }
  if (!is_castable(expression.type, type))
    return Error{ErrorCode::InvalidCast, "Cast of " + expression.type.to_string() + " to " +
                                             type.to_string() + " is not supported"}
        .at(expression.position);
  if (expression.type.is_null()) return cast_or_fold(std::move(expression), type);
  BoundExpression call = cast_call(std::move(expression), type);
  call.absorbs_errors = true;
  return call;
}

Result<Value> evaluate_constant(const BoundExpression& expression, const EvalContext& context) {
  if (expression.kind == BoundKind::Literal) return expression.literal;
  if (!referenced_columns(std::span(&expression, 1)).empty())
    return Error{ErrorCode::InvalidStatement, "a constant is expected here, not a column"}.at(
        expression.position);
  TRY(check_computable(expression));
  const Evaluated result = std::move(Program(expression).run({}, 1, context).front());
  // A function may have treated the failure of its argument as a null. For a constant the failure is an error
  // nevertheless: the user has made a mistake.
  if (Status failed = refuse_failures(result.errors); !failed)
    return with_order(std::move(failed).error()).at(expression.position);
  if (!result.errors.any()) return result.column->value_at(0);
  const RowErrors::Message& first = result.errors.messages().front();
  return with_order({first.code, first.text}).at(expression.position);
}

Result<Value> evaluate_constant(const Expression& expression, const SqlType& type,
                                const Scope& scope, const EvalContext& context) {
  const BoundExpression bound = TRY(bind_to(expression, type, scope));
  const Value value = TRY(evaluate_constant(bound, context));
  auto coerced = scope.texts_take_types
                     ? assigned_value(value, bound.type, type, context.properties)
                     : coerce_value(value, bound.type, type, nullptr);
  if (!coerced) return std::move(coerced).error().at(expression.position);
  return coerced;
}

}  // namespace engine
