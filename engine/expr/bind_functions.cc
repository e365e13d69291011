// Calls of functions: arguments, lambdas, aggregates.
#include <fmt/format.h>

#include <algorithm>

#include "engine/expr/binder.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/member_hints.h"
#include "engine/expr/typed_texts.h"
#include "engine/expr/zones.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"
#include "engine/types/coercion.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Returns the milliseconds of a unit; for a unit without a fixed length, a negative number of months.
int64_t unit_value(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::Milliseconds:
      return 1;
    case TimeUnit::Seconds:
      return 1000;
    case TimeUnit::Minutes:
      return 60'000;
    case TimeUnit::Hours:
      return 3'600'000;
    case TimeUnit::Days:
      return 86'400'000;
    case TimeUnit::Weeks:
      return 7 * 86'400'000;
    case TimeUnit::Months:
      return -1;
    default:
      return -12;  // the unit is Years, the last one of the list
  }
}

// Returns whether some overload takes a time unit, such as DAYS, as argument `index`. If no overload does, the word
// at that position is the name of a column.
bool takes_unit(std::span<const Overload> overloads, size_t index, size_t count) {
  return std::ranges::any_of(overloads, [&](const Overload& overload) {
    const SignatureParameter* parameter = overload.signature.parameter_for(index, count);
    return parameter != nullptr && parameter->pattern.kind == PatternKind::Unit;
  });
}

std::string_view kind_text(CallKind kind) {
  return kind == CallKind::Aggregate ? "aggregate" : "table";
}

CallKind kind_of(const Overload& overload) {
  if (overload.aggregate != nullptr) return CallKind::Aggregate;
  return overload.function->kind == FunctionKind::Table ? CallKind::Table : CallKind::Scalar;
}

// Refuses clauses that only SELECTs over tables support; such SELECTs remove the clauses before
// they bind a call.
Status refuse_postgres_clauses(const FunctionCall& call, std::string_view clause,
                               TextPosition position) {
  if (call.over)
    return Error{ErrorCode::GroupingError,
                 "window functions are not allowed in " + std::string(clause)}
        .at(position);
  const char* what = call.within_group        ? "WITHIN GROUP"
                     : call.filter            ? "FILTER"
                     : !call.order_by.empty() ? "ORDER BY in a call"
                                              : nullptr;
  if (!what) return {};
  if (Registry::instance().is_aggregate(call.name))
    return Error{ErrorCode::NotSupported,
                 std::string(what) + " requires a SELECT without EMIT, or a materialized view"}
        .at(position)
        .with_hint(call.filter ? "In a continuous query a CASE in the call selects the rows: "
                                 "SUM(CASE WHEN a > 1 THEN 1 ELSE 0 END)."
                               : "A materialized view keeps such a result.");
  return Error{ErrorCode::WrongObjectType,
               std::string(what) + " is for aggregate functions, and " + call.name + " is not one"}
      .at(position);
}

// Returns the first call of an aggregate in the expression; null if it has none. An expression that an earlier step has
// computed does not count.
const FunctionCall* find_aggregate(const Expression& expression, const Scope& scope) {
  for (const Scope::Substitute& each : scope.substitutes)
    if (equals(*each.expression, expression)) return nullptr;
  const auto* call = expression.as<FunctionCall>();
  if (call != nullptr && !call->over && Registry::instance().is_aggregate(call->name)) return call;
  for (const Expression* child : children(expression))
    if (const FunctionCall* found = find_aggregate(*child, scope)) return found;
  return nullptr;
}

uint64_t primitive_bits(const Signature& signature, size_t count) {
  uint64_t bits = 0;
  for (size_t i = 0; i < count && i < 64; ++i)
    if (signature.parameter_for(i, count)->is_primitive) bits |= uint64_t{1} << i;
  return bits;
}

}  // namespace

// Reads text literals as arrays or bytes, as in jsonb_set(x, '{a,b}', '1') and encode('abc', 'hex'). A literal is
// converted if all functions of this name take one type of array, or bytes, at its place.
Status Binder::read_texts_as_parameters(const FunctionCall& call, Arguments& arguments) {
  const auto overloads = Registry::instance().find(meant(call.name));
  const size_t count = arguments.items.size();
  for (size_t i = 0; i < count; ++i) {
    if (!arguments.items[i].source->is<StringLiteral>()) continue;
    std::optional<SqlType> wanted;
    for (const Overload& overload : overloads) {
      const SignatureParameter* parameter = overload.signature.parameter_for(i, count);
      if (!parameter) continue;
      const TypePattern& pattern = parameter->pattern;
      const bool is_array = pattern.kind == PatternKind::Array && !pattern.has_generic() &&
                            pattern.parts.front().kind == PatternKind::Exact;
      const bool is_bytes =
          pattern.kind == PatternKind::Exact && pattern.type.kind() == TypeKind::Bytes;
      if (!is_array && !is_bytes) {
        wanted.reset();
        break;
      }
      wanted = is_array ? SqlType::array(pattern.parts.front().type) : pattern.type;
    }
    if (!wanted) continue;
    TRY(read_text_as(arguments.items[i], *wanted));
    arguments.types[i].type = arguments.items[i].bound.type;
  }
  return {};
}

// Gives text literals the type of the other arguments, as in coalesce(list, '{}').
Status Binder::read_texts_as_others(const FunctionCall& call, Arguments& arguments) {
  constexpr std::string_view kSame[] = {"COALESCE",          "NULLIF", "IFNULL",
                                        "GREATEST",          "LEAST",  "PG_CATALOG.CONTAINS",
                                        "PG_CATALOG.OVERLAP"};
  if (!scope_.texts_take_types) return {};
  const bool is_list = call.name == kEqualAny || call.name == "ARRAY_CONTAINS";
  // x = ANY('{...}') is a call with a list and a value
  if (is_list && arguments.items.size() == 2) {
    const SqlType& wanted = arguments.items[1].bound.type;
    BoundItem& list = arguments.items[0];
    if (!wanted.is_null()) {
      const SqlType type = SqlType::array(with_spare_digits(wanted));
      const bool is_open = list.bound.kind == BoundKind::Parameter && list.bound.type.is_null();
      if (is_open && wanted.kind() == TypeKind::Decimal)
        list.bound = TRY(coerce_to(std::move(list.bound), type));
      TRY(read_text_as(list, type));
    }
    arguments.types[0].type = list.bound.type;
    return {};
  }
  if (std::ranges::find(kSame, call.name) == std::end(kSame))
    return read_texts_as_parameters(call, arguments);
  for (const BoundItem& other : arguments.items) {
    const SqlType type = other.bound.type;
    if (type.is_null() || other.source->is<StringLiteral>()) continue;
    const bool is_symmetric = call.is_operator;
    for (size_t i = 0; i < arguments.items.size(); ++i) {
      BoundExpression& bound = arguments.items[i].bound;
      if (is_symmetric && bound.kind == BoundKind::Parameter && bound.type.is_null())
        bound = TRY(coerce_to(std::move(bound), type));
      TRY(keep_digits_beside(arguments.items[i], type));
      TRY(read_text_as(arguments.items[i], type));
      arguments.types[i].type = arguments.items[i].bound.type;
    }
    return {};
  }
  return {};
}

Result<Binder::Arguments> Binder::bind_arguments(const FunctionCall& call) {
  const auto overloads = Registry::instance().find(call.name);
  Arguments arguments;
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const Expression& source = *call.arguments[i];
    BoundItem item{&source, {}};
    ArgumentType type;
    if (const auto* lambda = source.as<Lambda>()) {
      type.lambda_parameters = static_cast<int>(lambda->parameters.size());
    } else if (const auto* unit = source.as<IntervalUnit>();
               unit != nullptr && takes_unit(overloads, i, call.arguments.size())) {
      type.is_unit = true;
      item.bound = literal_expression(TypeKind::Bigint, Value::bigint(unit_value(unit->unit)));
    } else {
      item.bound = TRY(bind_open(source));
      const bool is_alone = !call.is_operator && !keeps_values(call.name) && call.name != kEqualAny;
      if (is_alone && is_declared_number(item.bound))
        item.bound = TRY(take_type_beside(std::move(item.bound), TypeKind::Integer));
      // The argument of an aggregate has no enclosing expression that would request the form for computation, so the
      // argument is converted here.
      if (depth_ == 0 && !keeps_values(call.name) && call.name != "COUNT")
        item.bound = TRY(computed(std::move(item.bound)));
      TRY(check_labels(call, item.bound.type, source.position, scope_.texts_take_types));
      if (i == 0) arguments.first = item.bound.type;
      const bool is_shown = call.name == "CONCAT" || call.name == "CONCAT_WS" ||
                            call.name == "FORMAT" || call.name == "TO_JSON";
      if (!keeps_values(call.name) && !is_shown) {
        const SqlType wide = without_narrow_label(item.bound.type);
        item.bound = cast_or_fold(std::move(item.bound), wide);
      }
      type.type = item.bound.type;
      type.is_literal = item.bound.kind == BoundKind::Literal;
    }
    arguments.items.push_back(std::move(item));
    arguments.types.push_back(std::move(type));
  }
  TRY(read_texts_as_others(call, arguments));
  if (scope_.texts_take_types) TRY(match_arguments(call, arguments));
  return arguments;
}

Result<BoundExpression> Binder::bind_lambda(const Lambda& lambda, TextPosition position,
                                            const std::vector<SqlType>& parameter_types) {
  BoundExpression bound;
  bound.kind = BoundKind::Lambda;
  bound.position = position;
  const size_t outer_names = lambda_names_.size();
  for (size_t i = 0; i < lambda.parameters.size(); ++i) {
    const std::string& name = lambda.parameters[i];
    if (is_known_column(name))
      return Error{ErrorCode::DuplicateColumn,
                   "Lambda function argument can't be a column name: " + name}
          .at(position);
    if (std::ranges::find(lambda_names_, name, &LambdaName::name) != lambda_names_.end())
      return Error{ErrorCode::DuplicateColumn,
                   "Reusing lambda arguments in nested lambda is not allowed"}
          .at(position);
    lambda_names_.push_back({name, next_lambda_number_, parameter_types[i]});
    bound.lambda_parameters.push_back(next_lambda_number_++);
  }
  auto body = bind(*lambda.body);
  lambda_names_.resize(outer_names);
  bound.children.push_back(TRY(std::move(body)));
  bound.type = bound.children[0].type;
  return bound;
}

Error Binder::misplaced_function(const std::string& name, CallKind kind) const {
  const std::string clause(scope_.clause);
  Error error{ErrorCode::GroupingError,
              std::string(kind_text(kind)) + " function " + name + " is not allowed in " + clause};
  if (kind == CallKind::Aggregate)
    error.ksqldb =
        clause + " does not support aggregate functions: " + name + " is an aggregate function.";
  return error;
}

// The types of lambda parameters follow from the collections, and result types from the bodies. If
// the body of a REDUCE has a wider result than its state, the state is widened and the body is
// bound again.
Status Binder::bind_lambdas(Resolution& resolution, Arguments& arguments) {
  const Signature& signature = resolution.overload->signature;
  constexpr int kMaxRounds = 4;  // the longest chain of wider types is INTEGER, BIGINT, DECIMAL
  for (int round = 0; round < kMaxRounds; ++round) {
    bool has_widened = false;
    for (size_t i = 0; i < arguments.items.size(); ++i) {
      const auto* lambda = arguments.items[i].source->as<Lambda>();
      if (lambda == nullptr) continue;
      const TypePattern& pattern = signature.parameter_for(i, arguments.items.size())->pattern;
      std::vector<SqlType> parameter_types;
      for (size_t part = 0; part + 1 < pattern.parts.size(); ++part)
        parameter_types.push_back(resolution.bindings.substitute(pattern.parts[part]));
      BoundExpression bound =
          TRY(bind_lambda(*lambda, arguments.items[i].source->position, parameter_types));
      const TypePattern& result = pattern.parts.back();
      const SqlType before = resolution.bindings.substitute(result);
      if (!resolution.bindings.match(result, bound.type, true))
        return Error{ErrorCode::TypeMismatch, "the lambda gives " + shown(bound.type) + " where " +
                                                  shown(before) + " is expected"}
            .at(arguments.items[i].source->position);
      const SqlType after = resolution.bindings.substitute(result);
      has_widened |= !before.is_null() && before != after;
      if (!after.is_null()) bound.children[0] = TRY(coerce_to(std::move(bound.children[0]), after));
      bound.type = after;
      arguments.items[i].bound = std::move(bound);
    }
    if (!has_widened) break;
  }
  for (size_t i = 0; i < arguments.items.size(); ++i)
    resolution.argument_types[i] =
        resolution.bindings.substitute(signature.parameter_for(i, arguments.items.size())->pattern);
  return {};
}

namespace {

// Returns the name of the function without PostgreSQL's schema, which calls omit.
std::string called_name(const Overload& overload) {
  const std::string_view name = overload.name();
  return upper_case(name.substr(name.find('.') + 1));
}

}  // namespace

Status Binder::coerce_arguments(Resolution& resolution, Arguments& arguments) {
  for (size_t i = 0; i < arguments.items.size(); ++i) {
    BoundItem& item = arguments.items[i];
    if (item.bound.kind == BoundKind::Lambda) continue;
    SqlType type = resolution.argument_types[i];
    // A json or jsonb value keeps its label, because results depend on it: parts of jsonb are jsonb.
    const PostgresLabel label = item.bound.type.label();
    if ((label == label::kJson || label == label::kJsonb) && type.kind() == TypeKind::String) {
      resolution.argument_types[i] = item.bound.type;
      continue;
    }
    if (type.is_null() && item.bound.kind == BoundKind::Parameter)
      type = open_type(item.bound.type);
    if (type.is_null()) continue;
    if (scope_.texts_take_types && type.is_time_like() && is_typed_text(item))
      return text_for_argument(called_name(*resolution.overload), static_cast<int64_t>(i) + 1, type,
                               item);
    // An overload also accepts types that coerce() refuses, for example text for a DATE. So arguments other than
    // parameters are converted by a cast.
    if (item.bound.kind == BoundKind::Parameter)
      item.bound = TRY(coerce_to(std::move(item.bound), type));
    else if (auto value = literal_in(scope_, item.bound, type))
      item.bound = literal_expression(type, *std::move(value));
    else
      item.bound = cast_or_fold(std::move(item.bound), type);
  }
  return {};
}

namespace {

// Gives the result of ROUND(x, n) or TRUNC(x, n) n digits after the point, if n is a literal.
void keep_places(std::span<const BoundItem> arguments, SqlType& type) {
  if (type.kind() != TypeKind::Decimal || arguments.size() != 2) return;
  const BoundExpression& places = arguments[1].bound;
  if (places.kind != BoundKind::Literal || places.literal.is_null()) return;
  const int whole = type.precision() - type.scale();
  const int scale = std::clamp(places.literal.as_int32(), 0, kMaxDecimalPrecision);
  type = SqlType::decimal(std::clamp(whole + scale, 1, kMaxDecimalPrecision),
                          std::min(scale, kMaxDecimalPrecision));
}

}  // namespace

std::string Binder::meant(const std::string& function) const {
  if (!scope_.texts_take_types) return function;
  std::string as_postgres = "PG_CATALOG." + function;
  return Registry::instance().find(as_postgres).empty() ? function : as_postgres;
}

namespace {

// Returns the name of the function's variant that uses the session's time zone, if the function has such a variant and
// is called with a point in time or a date; otherwise `name`.
std::string in_zone(std::string name, std::span<const ArgumentType> types) {
  constexpr std::pair<std::string_view, size_t> kOfTimes[] = {{"TO_CHAR", 0}, {"DATE_TRUNC", 1}};
  for (const auto& [function, argument] : kOfTimes) {
    if (name != function || argument >= types.size()) continue;
    const SqlType& type = types[argument].type;
    // DATE_TRUNC treats an argument of unknown type as a point in time; TO_CHAR also takes other
    // types.
    const bool is_open = type.is_null() || type.kind() == TypeKind::String;
    if (is_instant(type) || type.kind() == TypeKind::Date || (is_open && argument > 0))
      return "PG_CATALOG." + name + "_IN_ZONE";
  }
  return name;
}

// If several overloads accept an untyped argument (a parameter or NULL), the argument is a text, as
// in PostgreSQL.
Result<Resolution> with_texts_for_untyped(std::string_view name, std::span<const BoundItem> items,
                                          std::vector<ArgumentType> types,
                                          Result<Resolution> otherwise) {
  bool has_any = false;
  for (size_t i = 0; i < types.size(); ++i) {
    const BoundExpression& bound = items[i].bound;
    if (bound.kind == BoundKind::Lambda || !bound.type.is_null()) continue;
    types[i].type = TypeKind::String;
    has_any = true;
  }
  if (!has_any) return otherwise;
  auto resolved = Registry::instance().resolve(name, types);
  return resolved ? std::move(resolved) : std::move(otherwise);
}

}  // namespace

Result<BoundExpression> Binder::bind_call(const FunctionCall& call, TextPosition position,
                                          CallKind expected) {
  TRY(refuse_postgres_clauses(call, scope_.clause, position));
  if (call.name == "PG_TYPEOF" && call.arguments.size() == 1 && expected == CallKind::Scalar) {
    BoundExpression open = TRY(bind_kept(*call.arguments.front()));
    const BoundExpression argument = TRY(close(std::move(open)));
    return literal_expression(type_of(*find_label(label::kRegtype)),
                              Value::text(postgres_type_name(argument.type)));
  }
  const bool has_names = std::ranges::any_of(
      call.arguments, [](const ExpressionPtr& argument) { return argument->is<Lambda>(); });
  if (scope_.texts_take_types && call.name == "MAKE_INTERVAL" &&
      (has_names || call.arguments.size() != 7))
    return bind_call(TRY(with_interval_parts(call, position)), position, expected);
  // The dialect reads POSITION('a' IN (text)) as a call with a condition. Its two sides become the arguments of STRPOS.
  if (call.name == "POSITION" && call.arguments.size() == 1)
    if (const auto* within = call.arguments.front()->as<In>();
        within && !within->negated && within->list.size() == 1) {
      FunctionCall place{"STRPOS", {}};
      place.arguments.push_back(clone(*within->list.front()));
      place.arguments.push_back(clone(*within->value));
      return bind_call(place, position, expected);
    }
  if (scope_.texts_take_types && call.name == "MOD" && call.arguments.size() == 2)
    return bind_kept(*make_expression(
        Arithmetic{ArithmeticOp::Modulo, clone(*call.arguments[0]), clone(*call.arguments[1])},
        position));
  if (scope_.texts_take_types && call.name == "DIV" && call.arguments.size() == 2) {
    const auto argument = [&](size_t i) { return clone(*call.arguments[i]); };
    const auto of = [&](ArithmeticOp op, ExpressionPtr left, ExpressionPtr right) {
      return make_expression(Arithmetic{op, std::move(left), std::move(right)}, position);
    };
    FunctionCall whole{"TRUNC", {}};
    whole.arguments.push_back(of(
        ArithmeticOp::Divide,
        of(ArithmeticOp::Subtract, argument(0), of(ArithmeticOp::Modulo, argument(0), argument(1))),
        argument(1)));
    return bind_call(whole, position, expected);
  }
  if (const ExpressionPtr sum = TRY(moved_interval(call, position))) return bind_kept(*sum);
  if (names_by_regclass(call)) {
    FunctionCall named{call.name, clone(call.arguments)};
    take_sequence_name(named);
    return bind_call(named, position, expected);
  }
  std::string name = meant(call.name);
  const auto overloads = Registry::instance().find(name);
  if (overloads.empty()) {
    if (auto made = TRY(bind_postgres_call(call, position))) return *std::move(made);
    return unknown_function(call.name).at(position);
  }
  const CallKind kind = kind_of(overloads.front());
  if (kind != expected)
    return Error{ErrorCode::GroupingError, std::string(kind_text(kind)) + " function " + call.name +
                                               " is not allowed in " + std::string(scope_.clause)}
        .with_hint(kind == CallKind::Aggregate && scope_.clause == "WHERE"
                       ? "WHERE filters records. HAVING behind GROUP BY filters groups."
                       : "")
        .at(position);
  if (call.distinct)
    return Error{ErrorCode::NotSupported, "DISTINCT in a function call is not supported yet"}.at(
        position);
  Arguments arguments = TRY(bind_arguments(call));
  // With a number of digits, ROUND and TRUNC treat whole numbers as numeric.
  const bool has_places = name == "PG_CATALOG.ROUND" || name == "PG_CATALOG.TRUNC";
  if (has_places && arguments.items.size() == 2) {
    BoundExpression& number = arguments.items.front().bound;
    if (number.type == TypeKind::Integer || number.type == TypeKind::Bigint) {
      number = TRY(cast(std::move(number), SqlType::decimal(19, 0)));
      arguments.types.front().type = number.type;
    }
  }
  if (scope_.texts_take_types) name = by_types(std::move(name), arguments);
  if (scope_.forms.zone) name = in_zone(std::move(name), arguments.types);
  auto resolved = Registry::instance().resolve(name, arguments.types);
  if (!resolved && scope_.texts_take_types)
    resolved = with_texts_for_untyped(name, arguments.items, arguments.types, std::move(resolved));
  if (!resolved) {
    Error error = std::move(resolved).error();
    if (call.name == kEqualAny && arguments.types.size() == 2)
      error = {ErrorCode::UndefinedFunction,
               "x = ANY(array) needs an array of values like x: here x is " +
                   arguments.types[1].to_string() + ", and the array is " +
                   arguments.types[0].to_string()};
    const bool is_arrow = call.name.ends_with("JSON_GET") || call.name.ends_with("JSON_GET_TEXT");
    const SqlType base = is_arrow ? arguments.types.front().type : SqlType();
    const auto* field = is_arrow ? call.arguments.back()->as<StringLiteral>() : nullptr;
    if (field && base.kind() == TypeKind::Struct)
      error.hint = hint_for_field(to_sql(*call.arguments.front()), base, field->value);
    return std::move(error).at(position);
  }
  TRY(bind_lambdas(*resolved, arguments));
  TRY(coerce_arguments(*resolved, arguments));
  auto type = return_type(*resolved);
  if (!type) return std::move(type).error().at(position);

  if (scope_.texts_take_types && is_clock_result(call.name, arguments))
    *type = type->labelled(label::kTimestamp);
  // In UTC, a series that begins with a timestamp without a time zone consists of such timestamps.
  if (scope_.texts_take_types && !scope_.forms.zone && call.name == "GENERATE_SERIES" &&
      arguments.types.front().type.label() == label::kTimestamp)
    *type = SqlType::array(type->element().labelled(label::kTimestamp));
  if (scope_.texts_take_types && keeps_values(call.name)) take_label(call.name, arguments, *type);
  if (name == "PG_CATALOG.ROUND" || name == "PG_CATALOG.TRUNC") keep_places(arguments.items, *type);
  const FunctionDef& function = *resolved->overload->function;
  BoundExpression bound = call_expression(
      function.kernel, kind == CallKind::Table ? SqlType::array(*type) : *type, {}, position);
  bound.function = resolved->overload;
  bound.is_deterministic = function.is_deterministic;
  bound.absorbs_errors = true;
  bound.refuses_null = primitive_bits(resolved->overload->signature, arguments.items.size());
  for (BoundItem& item : arguments.items) bound.children.push_back(std::move(item.bound));
  if (arguments.is_by_clocks) return as_instant(std::move(bound));
  // The absolute value of a smallint is a smallint, and the absolute value of a real is a real.
  if (scope_.texts_take_types && call.name == "ABS" && is_narrow_number(arguments.first))
    return cast_or_fold(std::move(bound), arguments.first);
  return bound;
}

// Gives the result the label of the arguments' common type: the greatest of two timestamps without a zone is also a
// timestamp without a zone.
void Binder::take_label(std::string_view function, const Arguments& arguments, SqlType& type) {
  SqlType common;
  for (const ArgumentType& each : arguments.types) {
    const auto shared = common_type(common, each.type);
    if (!shared) return;
    common = *shared;
    if (function == "NULLIF") break;
  }
  if (!common.is_null() && common == type) type = common;
}

// Returns whether the function returns a timestamp without a zone because its argument has none.
bool Binder::is_clock_result(std::string_view function, const Arguments& arguments) {
  constexpr std::pair<std::string_view, size_t> kOfTimes[] = {
      {"DATE_TRUNC", 1}, {"DATE_BIN", 1}, {"TIMESTAMPADD", 2}, {"TIMESTAMPSUB", 2}};
  return std::ranges::any_of(kOfTimes, [&](const auto& each) {
    return each.first == function && each.second < arguments.types.size() &&
           arguments.types[each.second].type.label() == label::kTimestamp;
  });
}

Result<BoundAggregate> Binder::bind_aggregate(const FunctionCall& call, TextPosition position,
                                              std::map<std::string, std::string> properties) {
  TRY(refuse_postgres_clauses(call, scope_.clause, position));
  std::string name = meant(call.name);
  const auto overloads = Registry::instance().find(name);
  if (overloads.empty()) return unknown_function(call.name).at(position);
  if (kind_of(overloads.front()) != CallKind::Aggregate)
    return Error{ErrorCode::WrongObjectType, call.name + " is not an aggregate function"}.at(
        position);
  if (call.distinct)
    return Error{ErrorCode::NotSupported, "DISTINCT in an aggregate is not supported yet"}
        .at(position)
        .with_hint(name == "COUNT" ? "Use COUNT_DISTINCT(x)."
                                   : "A SELECT without EMIT supports it.");
  for (const ExpressionPtr& argument : call.arguments) {
    if (find_aggregate(*argument, scope_) == nullptr) continue;
    const Expression whole{FunctionCall{call.name, clone(call.arguments)}, position};
    return Error{ErrorCode::GroupingError,
                 "Aggregate functions can not be nested: " + to_sql(whole)}
        .at(argument->position);
  }
  Arguments arguments = TRY(bind_arguments(call));
  if (scope_.texts_take_types) name = by_types(std::move(name), arguments);
  auto resolved = Registry::instance().resolve(name, arguments.types);
  if (!resolved) return std::move(resolved).error().at(position);
  TRY(coerce_arguments(*resolved, arguments));

  // Literals are last in a signature; a variadic parameter before them does not change their
  // number.
  const Signature& signature = resolved->overload->signature;
  const size_t literals = signature.parameters.size() - signature.column_count;
  const size_t columns = arguments.items.size() - literals;
  ValueList initial;
  for (size_t i = columns; i < arguments.items.size(); ++i) {
    BoundExpression& bound = arguments.items[i].bound;
    if (bound.kind != BoundKind::Literal)
      return Error{ErrorCode::InvalidParameter,
                   "Parameter " + std::to_string(i + 1) + " passed to function " +
                       std::string(resolved->overload->name()) +
                       " must be a literal constant, but was expression: '" +
                       to_sql(*arguments.items[i].source) + "'"}
          .at(arguments.items[i].source->position);
    initial.push_back(std::move(bound.literal));
  }
  BoundAggregate aggregate;
  auto instance = make_aggregate(*resolved, std::move(initial), std::move(properties));
  if (!instance) return std::move(instance).error().at(position);
  aggregate.instance = *std::move(instance);
  for (size_t i = 0; i < columns; ++i)
    aggregate.arguments.push_back(std::move(arguments.items[i].bound));
  return aggregate;
}

}  // namespace engine
