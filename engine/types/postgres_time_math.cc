// Adds, multiplies and subtracts intervals and points in time.
#include <cmath>

#include "engine/types/postgres_texts.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int64_t kUsPerDay = 86'400'000'000;
constexpr int kDaysPerMonth = 30;

Error interval_out_of_range() {
  return Error{ErrorCode::InvalidTimestamp, "interval out of range"};
}
Error instant_out_of_range() {
  return Error{ErrorCode::InvalidTimestamp, "timestamp out of range"};
}

// Applies `scale` to each part. Fractions of a month are carried to days, and fractions of a day to
// the time, as in PostgreSQL.
template <class Scale>
Result<Interval> scaled(const Interval& interval, Scale scale) {
  const double months = scale(interval.months), days = scale(interval.days);
  if (std::abs(months) > INT32_MAX || std::abs(days) > INT32_MAX) return interval_out_of_range();
  Interval result;
  result.months = static_cast<int32_t>(months);
  result.days = static_cast<int32_t>(days);
  // Rounds to microseconds: 0.1 months are 3 days and not 2 days 23:59:59.999999.
  const auto rounded = [](double part) { return std::rint(part * 1e6) / 1e6; };
  const double month_days = rounded((months - result.months) * kDaysPerMonth);
  constexpr double kSecondsPerDay = 86'400;
  double left_s =
      rounded((days - result.days + month_days - std::trunc(month_days)) * kSecondsPerDay);
  result.days += static_cast<int32_t>(month_days);
  if (std::abs(left_s) >= kSecondsPerDay) {
    const double whole = std::trunc(left_s / kSecondsPerDay);
    result.days += static_cast<int32_t>(whole);
    left_s -= whole * kSecondsPerDay;
  }
  const double us = std::rint(scale(static_cast<double>(interval.us)) + left_s * 1e6);
  if (std::abs(us) >= 9.2233720368547e18) return interval_out_of_range();
  result.us = static_cast<int64_t>(us);
  return result;
}

}  // namespace

Result<Interval> plus(const Interval& a, const Interval& b) {
  Interval sum;
  if (__builtin_add_overflow(a.us, b.us, &sum.us) ||
      __builtin_add_overflow(a.days, b.days, &sum.days) ||
      __builtin_add_overflow(a.months, b.months, &sum.months))
    return interval_out_of_range();
  return sum;
}

Interval opposite(const Interval& interval) {
  const auto negated = [](auto value) {
    decltype(value) result = 0;
    return __builtin_sub_overflow(decltype(value){0}, value, &result) ? INT32_MAX : result;
  };
  Interval result;
  // The smallest number of microseconds has no negation; INT64_MAX is the nearest number.
  result.us = interval.us == INT64_MIN ? INT64_MAX : -interval.us;
  result.days = static_cast<int32_t>(negated(interval.days));
  result.months = static_cast<int32_t>(negated(interval.months));
  return result;
}

Result<Interval> times(const Interval& interval, double factor) {
  if (!std::isfinite(factor)) return interval_out_of_range();
  return scaled(interval, [factor](double part) { return part * factor; });
}

Result<Interval> divided(const Interval& interval, double divisor) {
  if (std::isnan(divisor)) return interval_out_of_range();
  return scaled(interval, [divisor](double part) { return part / divisor; });
}

Result<int64_t> plus(int64_t instant_us, const Interval& interval) {
  if (is_infinite_instant(instant_us)) return instant_us;
  int64_t days = instant_us / kUsPerDay, us = instant_us % kUsPerDay;
  if (us < 0) --days, us += kUsPerDay;
  if (interval.months != 0) {
    CivilDate date = civil_from_days(days);
    const int64_t months = date.year * 12 + date.month - 1 + interval.months;
    date.year = months >= 0 ? months / 12 : -((11 - months) / 12);
    date.month = static_cast<int>(months - date.year * 12) + 1;
    date.day = std::min(date.day, days_in_month(date.year, date.month));
    days = days_from_civil(date);
  }
  __int128 sum = (static_cast<__int128>(days) + interval.days) * kUsPerDay;
  sum += us;
  sum += interval.us;
  constexpr __int128 kLeast = __int128{-2'440'588} * kUsPerDay, kMost = INT64_MAX - 1;
  if (sum < kLeast || sum > kMost) return instant_out_of_range();
  return static_cast<int64_t>(sum);
}

Result<Interval> instants_apart(int64_t later_us, int64_t earlier_us) {
  int64_t us = 0;
  if (is_infinite_instant(later_us) || is_infinite_instant(earlier_us))
    return Error{ErrorCode::InvalidTimestamp, "cannot subtract infinite timestamps"};
  if (__builtin_sub_overflow(later_us, earlier_us, &us)) return interval_out_of_range();
  return Interval{us % kUsPerDay, static_cast<int32_t>(us / kUsPerDay), 0};
}

}  // namespace engine
