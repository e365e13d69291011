// Binds dates, times and intervals with PostgreSQL's rules: exact literals, and the operators + - * / with intervals.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "engine/expr/assigned.h"
#include "engine/expr/binder.h"
#include "engine/expr/named_kernels.h"
#include "engine/expr/typed_texts.h"
#include "engine/functions/adapters.h"
#include "engine/functions/session_zone.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// ---- Kernels over times that are kept as text (see engine/types/postgres_texts.h)

Result<std::string> moved_instant(const KernelCall& call, PerBatch<CallZone>& zones,
                                  std::string_view instant, const Interval& by) {
  const bool has_zone = call.out.type().label() == label::kExactTimestamptz;
  const int64_t us = TRY(parse_instant_us(instant, Zones::Kept, "timestamp"));
  const ZoneClock* zone = has_zone ? zones->of(call) : nullptr;
  return instant_text(TRY(plus_in_zone(zone, us, by)), has_zone);
}
Result<std::string> instant_later(const KernelCall& call, PerBatch<CallZone>& zones,
                                  std::string_view a, std::string_view b) {
  return moved_instant(call, zones, a, TRY(parse_interval(b)));
}
Result<std::string> instant_earlier(const KernelCall& call, PerBatch<CallZone>& zones,
                                    std::string_view a, std::string_view b) {
  return moved_instant(call, zones, a, opposite(TRY(parse_interval(b))));
}
Result<std::string> instants_difference(std::string_view a, std::string_view b) {
  const int64_t later = TRY(parse_instant_us(a, Zones::Kept, "timestamp"));
  const int64_t earlier = TRY(parse_instant_us(b, Zones::Kept, "timestamp"));
  return interval_text(TRY(instants_apart(later, earlier)));
}

Result<std::string> date_at_time(std::string_view date, std::string_view time) {
  const int64_t us = TRY(parse_instant_us(date, Zones::Kept, "timestamp"));
  const int64_t of_day_us = TRY(parse_time_us(time));
  return instant_text(TRY(plus(us, {of_day_us, 0, 0})), false);
}

// Moves a time of day, which wraps around at midnight. Months and days have no effect.
Result<std::string> moved_time(std::string_view time, const Interval& by) {
  constexpr int64_t kDay = 86'400'000'000;
  int64_t us = (TRY(parse_time_us(time)) + by.us % kDay) % kDay;
  if (us < 0) us += kDay;
  return time_us_text(us);
}
Result<std::string> time_later(std::string_view a, std::string_view b) {
  return moved_time(a, TRY(parse_interval(b)));
}
Result<std::string> time_earlier(std::string_view a, std::string_view b) {
  return moved_time(a, opposite(TRY(parse_interval(b))));
}
Result<std::string> times_difference(std::string_view a, std::string_view b) {
  const int64_t later = TRY(parse_time_us(a)), earlier = TRY(parse_time_us(b));
  return interval_text({later - earlier, 0, 0});
}

Result<std::string> moved_date(std::string_view date, int64_t by) {
  const int32_t days = TRY(parse_days(date));
  if (days == kInfinityDays || days == kMinusInfinityDays) return days_text(days);
  const int64_t moved = days + by;
  // The range of PostgreSQL's dates.
  constexpr int64_t kLeast = -2'440'588, kMost = 2'145'031'948;
  if (moved < kLeast || moved > kMost)
    return Error{ErrorCode::InvalidTimestamp, "date out of range"};
  return days_text(static_cast<int32_t>(moved));
}
Result<std::string> date_later(std::string_view date, int32_t days) {
  return moved_date(date, days);
}
Result<std::string> date_earlier(std::string_view date, int32_t days) {
  return moved_date(date, -int64_t{days});
}
Result<int32_t> dates_difference(std::string_view a, std::string_view b) {
  const int32_t later = TRY(parse_days(a)), earlier = TRY(parse_days(b));
  for (const int32_t days : {later, earlier})
    if (days == kInfinityDays || days == kMinusInfinityDays)
      return Error{ErrorCode::InvalidTimestamp, "cannot subtract infinite dates"};
  return later - earlier;
}

Result<std::string> intervals_sum(std::string_view a, std::string_view b) {
  const Interval first = TRY(parse_interval(a)), second = TRY(parse_interval(b));
  return interval_text(TRY(plus(first, second)));
}
Result<std::string> intervals_difference(std::string_view a, std::string_view b) {
  const Interval first = TRY(parse_interval(a)), second = TRY(parse_interval(b));
  return interval_text(TRY(plus(first, opposite(second))));
}
Result<std::string> interval_product(std::string_view interval, double factor) {
  const Interval read = TRY(parse_interval(interval));
  return interval_text(TRY(times(read, factor)));
}
Result<std::string> interval_quotient(std::string_view interval, double divisor) {
  if (divisor == 0) return Error{ErrorCode::DivisionByZero, "division by zero"};
  const Interval read = TRY(parse_interval(interval));
  return interval_text(TRY(divided(read, divisor)));
}

// ---- The operators

// The role of an operand for the operators + - * /, by its type. Open: the type is not known yet.
enum class Role : uint8_t { Other, Open, Date, Time, Instant, Interval, Whole, Number };

Role role_of(const BoundExpression& bound) {
  const PostgresLabel of = bound.type.label();
  if (of == label::kInterval) return Role::Interval;
  if (of == label::kExactDate) return Role::Date;
  if (of == label::kExactTime) return Role::Time;
  if (is_exact_time(of)) return Role::Instant;
  switch (bound.type.kind()) {
    case TypeKind::Null:
      return bound.kind == BoundKind::Parameter && of == label::kNone ? Role::Open : Role::Other;
    case TypeKind::Date:
      return Role::Date;
    case TypeKind::Time:
      return Role::Time;
    case TypeKind::Timestamp:
      return Role::Instant;
    case TypeKind::Integer:
      return Role::Whole;
    case TypeKind::Bigint:
    case TypeKind::Decimal:
    case TypeKind::Double:
      return Role::Number;
    case TypeKind::String:
      // A text literal without a type gets the type of the operand on the other side of the operator.
      return bound.kind == BoundKind::Literal && of == label::kNone ? Role::Open : Role::Other;
    default:
      return Role::Other;
  }
}
bool is_temporal(Role role) {
  return role == Role::Date || role == Role::Time || role == Role::Instant ||
         role == Role::Interval;
}

struct OperatorRow {
  Role left;
  ArithmeticOp op;
  Role right, result;  // `result` Whole: the result is a number of days
  Kernel kernel;
  std::string_view name;  // the name that plans use
};
using enum ArithmeticOp;
constexpr OperatorRow kOperators[] = {
    {Role::Instant, Add, Role::Interval, Role::Instant, row_kernel<instant_later>, "INSTANT LATER"},
    {Role::Instant, Subtract, Role::Interval, Role::Instant, row_kernel<instant_earlier>,
     "INSTANT EARLIER"},
    {Role::Instant, Subtract, Role::Instant, Role::Interval, row_kernel<instants_difference>,
     "INSTANTS DIFFERENCE"},
    {Role::Date, Add, Role::Interval, Role::Instant, row_kernel<instant_later>, "INSTANT LATER"},
    {Role::Date, Subtract, Role::Interval, Role::Instant, row_kernel<instant_earlier>,
     "INSTANT EARLIER"},
    {Role::Date, Add, Role::Time, Role::Instant, row_kernel<date_at_time>, "DATE AT TIME"},
    {Role::Date, Add, Role::Whole, Role::Date, row_kernel<date_later>, "DATE LATER"},
    {Role::Date, Subtract, Role::Whole, Role::Date, row_kernel<date_earlier>, "DATE EARLIER"},
    {Role::Date, Subtract, Role::Date, Role::Whole, row_kernel<dates_difference>,
     "DATES DIFFERENCE"},
    {Role::Time, Add, Role::Interval, Role::Time, row_kernel<time_later>, "TIME LATER"},
    {Role::Time, Subtract, Role::Interval, Role::Time, row_kernel<time_earlier>, "TIME EARLIER"},
    {Role::Time, Subtract, Role::Time, Role::Interval, row_kernel<times_difference>,
     "TIMES DIFFERENCE"},
    {Role::Interval, Add, Role::Interval, Role::Interval, row_kernel<intervals_sum>,
     "INTERVALS SUM"},
    {Role::Interval, Subtract, Role::Interval, Role::Interval, row_kernel<intervals_difference>,
     "INTERVALS DIFFERENCE"},
    {Role::Interval, Multiply, Role::Number, Role::Interval, row_kernel<interval_product>,
     "INTERVAL PRODUCT"},
    {Role::Interval, Divide, Role::Number, Role::Interval, row_kernel<interval_quotient>,
     "INTERVAL QUOTIENT"},
};

constexpr auto kNamedKernels = [] {
  std::array<NamedKernel, std::size(kOperators)> named{};
  for (size_t i = 0; i < named.size(); ++i)
    named[i] = {kOperators[i].name, kOperators[i].kernel, 2};
  return named;
}();

const OperatorRow* find_operator(Role left, ArithmeticOp op, Role right) {
  for (const OperatorRow& row : kOperators)
    if (row.left == left && row.op == op && row.right == right) return &row;
  return nullptr;
}

// Returns the exact type (label::kExact...) to which both sides of a comparison are converted;
// kNone if they cannot be compared as exact types. A date is compared as a timestamp at midnight.
PostgresLabel common_exact(PostgresLabel a, PostgresLabel b) {
  if (a == label::kNone || b == label::kNone || a == b) return a == label::kNone ? b : a;
  if (a == label::kExactTime || b == label::kExactTime) return label::kNone;
  return std::max(a, b);
}

}  // namespace

std::span<const NamedKernel> time_kernels() { return kNamedKernels; }

bool is_typed_text(const Expression& source, const SqlType& type) {
  return type.kind() == TypeKind::String && !is_exact_time(type.label()) &&
         !source.is<StringLiteral>() && !source.is<Parameter>();
}
bool is_typed_text(const BoundItem& item) { return is_typed_text(*item.source, item.bound.type); }

std::string hint_for_text_as(const SqlType& time, const Expression& text) {
  const std::string written = to_sql(text);
  switch (time.kind()) {
    case TypeKind::Date:
      return fmt::format(
          "PARSE_DATE({0}, 'dd.MM.yyyy') reads a pattern. CAST({0} AS DATE) reads PostgreSQL's "
          "notations, in which DateStyle orders the day and the month.",
          written);
    case TypeKind::Time:
      return fmt::format("Use CAST({0} AS TIME), or PARSE_TIME({0}, 'HH:mm').", written);
    default:
      return fmt::format(
          "PARSE_TIMESTAMP({0}, 'dd.MM.yyyy HH:mm') reads a pattern. CAST({0} AS TIMESTAMP) reads "
          "PostgreSQL's notations, in which DateStyle orders the day and the month.",
          written);
  }
}

Error text_for_argument(std::string_view function, int64_t number, const SqlType& time,
                        const BoundItem& item) {
  return Error{ErrorCode::UndefinedFunction,
               fmt::format("function {} does not accept {} for its argument {} of type {}",
                           function, shown(item.bound.type), number, shown(time))}
      .with_hint(hint_for_text_as(time, *item.source))
      .at(item.source->position);
}

bool is_text_for_time(const Expression* value, const SqlType& from, const SqlType& to) {
  if (to.is_time_like())
    return value ? is_typed_text(*value, from)
                 : from.kind() == TypeKind::String && !is_exact_time(from.label());
  if (to.kind() != TypeKind::Array || from.kind() != TypeKind::Array) return false;
  const auto* list = value ? value->as<ArrayConstructor>() : nullptr;
  if (!list) return is_text_for_time(nullptr, from.element(), to.element());
  return std::ranges::any_of(list->elements, [&](const ExpressionPtr& element) {
    return is_text_for_time(element.get(), from.element(), to.element());
  });
}

Error text_for_time(std::string_view column, const SqlType& to, const SqlType& from) {
  return {ErrorCode::TypeMismatch,
          fmt::format("column \"{}\" is of type {} but expression is of type {}",
                      display_name(column), postgres_type_name(to), postgres_type_name(from)),
          {},
          "A cast reads PostgreSQL's notations, in which DateStyle orders the day and the "
          "month. PARSE_TIMESTAMP(text, 'dd.MM.yyyy HH:mm'), PARSE_DATE and PARSE_TIME read "
          "a pattern."};
}

Status check_marked_text(const FunctionCall& mark, const BoundItem& item, const SqlType& type) {
  // The arguments are checked, because a user can call a function of this name, written in quotes, with any arguments.
  const auto name_of = [&]() -> std::string_view {
    const auto* name = mark.arguments[1]->as<StringLiteral>();
    return name ? std::string_view(name->value) : std::string_view();
  };
  const auto number = [&]() -> int64_t {
    const auto* literal = mark.arguments[2]->as<IntegerLiteral>();
    return literal ? literal->value : 0;
  };
  if (mark.name == kAssigned && mark.arguments.size() == 2 &&
      is_text_for_time(item.source, item.bound.type, type))
    return text_for_time(name_of(), type, item.bound.type).at(item.source->position);
  if (mark.name == kArgumentMark && mark.arguments.size() == 3 && type.is_time_like() &&
      is_typed_text(item))
    return text_for_argument(name_of(), number(), type, item);
  return {};
}

Result<BoundExpression> Binder::bind_exact(const Expression& expression) {
  const bool keeps = std::exchange(keeps_times_, true);
  auto bound = bind_kept(expression);
  keeps_times_ = keeps;
  return bound;
}

Result<BoundExpression> Binder::computed(BoundExpression bound) {
  if (bound.type.label() == label::kNumeric && !bound.type.is_null())
    return cast(std::move(bound), SqlType::decimal(kMaxDecimalPrecision, kScaleOfNumeric));
  if (!is_exact_time(bound.type.label())) return bound;
  const SqlType plain = plain_time(bound.type.label());
  if (!bound.type.is_null()) return cast(std::move(bound), plain);
  if (bound.kind == BoundKind::Parameter) return coerce_to(std::move(bound), plain);
  return bound;
}

Result<BoundExpression> Binder::as_exact(BoundExpression bound, const SqlType& exact) {
  const bool is_open = bound.kind == BoundKind::Parameter && bound.type.is_null();
  if (is_open) {
    const bool has_other = is_exact_time(bound.type.label()) && bound.type.label() != exact.label();
    const SqlType first = has_other ? type_of(*find_label(bound.type.label())) : exact;
    bound = TRY(coerce_to(std::move(bound), first));
  }
  // A point in time with a zone becomes the timestamp that clocks of the session's zone show.
  return cast(std::move(bound), exact);
}

Status Binder::match_times(BoundItem& left, BoundItem& right) {
  const auto label_of = [](const BoundItem& item) {
    return is_exact_time(item.bound.type.label()) ? item.bound.type.label() : label::kNone;
  };
  const PostgresLabel shared = common_exact(label_of(left), label_of(right));
  if (shared == label::kNone || !keeps_times_exact_) {
    for (BoundItem* item : {&left, &right}) item->bound = TRY(computed(std::move(item->bound)));
    return {};
  }
  const auto fits = [&](const BoundItem& item) {
    const Role role = role_of(item.bound);
    return role == Role::Open || role == Role::Date || role == Role::Time || role == Role::Instant;
  };
  const bool are_exact = fits(left) && fits(right);
  for (BoundItem* item : {&left, &right})
    item->bound = are_exact ? TRY(as_exact(std::move(item->bound), type_of(*find_label(shared))))
                            : TRY(computed(std::move(item->bound)));
  return {};
}

Result<std::optional<BoundExpression>> Binder::bind_time_arithmetic(ArithmeticOp op,
                                                                    BoundExpression& left,
                                                                    BoundExpression& right,
                                                                    TextPosition position) {
  using Bound = std::optional<BoundExpression>;
  Role l = role_of(left), r = role_of(right);
  if (!is_temporal(l) && !is_temporal(r)) return Bound();
  const bool scales = op == Multiply || op == Divide;
  if (op == Concatenate || op == Modulo) return Bound();
  // Binder::moved_date() moves plain dates, with a function that does not parse texts, so they are not handled here.
  const bool is_plain_date =
      left.type.kind() == TypeKind::Date || right.type.kind() == TypeKind::Date;
  if (is_plain_date && (l == Role::Whole || r == Role::Whole)) return Bound();
  // An operand of unknown type gets the type of the other operand. Exceptions: a factor is a number, a value added
  // to a date is a number of days, and a value added to a point in time is an interval.
  const auto beside = [&](Role other) {
    if (scales) return Role::Number;
    if (op == Add && other == Role::Date) return Role::Whole;
    return op == Add && (other == Role::Instant || other == Role::Time) ? Role::Interval : other;
  };
  if (l == Role::Open) l = beside(r);
  if (r == Role::Open) r = beside(l);
  if (scales && l == Role::Whole) l = Role::Number;
  if (scales && r == Role::Whole) r = Role::Number;
  const OperatorRow* row = find_operator(l, op, r);
  const bool commutes = op == Add || op == Multiply;
  if (row == nullptr && commutes) {
    row = find_operator(r, op, l);
    if (row != nullptr) {
      std::swap(left, right);
      std::swap(l, r);
    }
  }
  // If a date is subtracted from a point in time, or the reverse, the date counts as a point in time.
  const bool are_days = op == Subtract && l != r && (l == Role::Date || l == Role::Instant) &&
                        (r == Role::Date || r == Role::Instant);
  if (are_days) row = find_operator(Role::Instant, Subtract, Role::Instant);
  if (row == nullptr) return Bound();

  const bool is_exact = keeps_times_exact_;
  SqlType result = TypeKind::Integer;
  if (row->result == Role::Interval) result = type_of(*find_label(label::kInterval));
  const auto exact_of = [&](const BoundExpression& side, Role role) -> SqlType {
    if (role == Role::Interval) return type_of(*find_label(label::kInterval));
    if (role == Role::Whole) return TypeKind::Integer;
    if (role == Role::Number) return TypeKind::Double;
    if (is_exact_time(side.type.label())) return type_of(*find_label(side.type.label()));
    return side.type.is_time_like()
               ? exact_time(side.type)
               : SqlType(TypeKind::String)
                     .labelled(role == Role::Date   ? label::kExactDate
                               : role == Role::Time ? label::kExactTime
                                                    : label::kExactTimestamptz);
  };
  SqlType left_type = exact_of(left, l), right_type = exact_of(right, r);
  // A date moved by an interval is a timestamp; an operand of unknown type gets the type of the other operand.
  const SqlType timestamp = SqlType(TypeKind::String).labelled(label::kExactTimestamp);
  if (row->result == Role::Instant && l == Role::Date) left_type = timestamp;
  if (left.type.is_null() && left.type.label() == label::kNone && l == r) left_type = right_type;
  if (right.type.is_null() && right.type.label() == label::kNone && l == r) right_type = left_type;
  if (row->result != Role::Interval && row->result != Role::Whole) result = left_type;
  // If one operand of a difference is a timestamptz, both become timestamptz.
  const SqlType timestamptz = SqlType(TypeKind::String).labelled(label::kExactTimestamptz);
  const bool has_zone = left_type.label() == label::kExactTimestamptz ||
                        right_type.label() == label::kExactTimestamptz;
  if (row->kernel == row_kernel<instants_difference> && has_zone)
    left_type = right_type = timestamptz;

  BoundExpression call = call_expression(row->kernel, result, {}, position);
  for (auto [side, type] : {std::pair(&left, &left_type), std::pair(&right, &right_type)}) {
    const bool is_open = side->kind == BoundKind::Parameter && side->type.is_null();
    if (is_exact_time(type->label()))
      call.children.push_back(TRY(as_exact(std::move(*side), *type)));
    else if (is_open)
      call.children.push_back(TRY(coerce_to(std::move(*side), *type)));
    else
      call.children.push_back(TRY(cast(std::move(*side), *type)));
  }
  if (!is_exact) return Bound(TRY(computed(std::move(call))));
  return Bound(std::move(call));
}

}  // namespace engine
