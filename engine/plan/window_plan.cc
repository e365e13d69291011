#include "engine/plan/window_plan.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/statement_settings.h"
#include "engine/types/time_math.h"

namespace engine {

namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr std::string_view kMaxWindowsProperty = "max.windows.per.record";

Result<int64_t> max_windows(const Properties& properties) {
  const auto set = properties.find(std::string(kMaxWindowsProperty));
  if (set == properties.end()) return kMaxWindowsPerRecord;
  TRY(check_statement_setting(set->first, set->second));
  int64_t limit = 0;
  (void)absl::SimpleAtoi(set->second, &limit);  // it has passed the check
  return limit;
}

Status check_max_ahead(const Properties& properties) {
  const auto set = properties.find("stream.time.max.ahead.ms");
  if (set == properties.end()) return {};
  return check_statement_setting(set->first, set->second);
}

Status check_window_count(const AggregateWindow& window, const Properties& properties) {
  const int64_t limit = TRY(max_windows(properties));
  const int64_t count = (window.size_ms - 1) / window.advance_ms + 1;  // the quotient, rounded up
  if (count <= limit) return {};
  return Error{
      ErrorCode::LimitExceeded,
      fmt::format("each record would lie in {} windows, and at most {} are allowed", count, limit),
      fmt::format("The windows have a size of {} ms and advance by {} ms.", window.size_ms,
                  window.advance_ms),
      fmt::format(
          "Advance by {} ms or more{}.", (window.size_ms - 1) / limit + 1,
          count > kMostWindowsPerRecord
              ? ""
              : fmt::format(", or raise the limit: SET '{}' = '{}'", kMaxWindowsProperty, count))};
}

}  // namespace

Result<AggregateWindow> plan_window(const WindowClause& clause, Emit emit,
                                    const Properties& properties) {
  AggregateWindow window{.type = clause.type};
  window.size_ms = TRY(clause.size.to_ms());
  window.advance_ms = clause.advance ? TRY(clause.advance->to_ms()) : window.size_ms;
  if (window.size_ms <= 0 || window.advance_ms <= 0 || window.advance_ms > window.size_ms)
    return Error{
        ErrorCode::InvalidParameter,
        "a window's size and advance must be positive, and the advance no more than the size"}
        .at(clause.position);
  if (const Status fits = check_window_count(window, properties); !fits)
    return Error(fits.error()).at(clause.position);
  TRY(check_max_ahead(properties));
  // The default grace of ksqlDB: a day in all; none where only final results are wanted.
  window.grace_ms = emit == Emit::Final ? 0 : std::max<int64_t>(kDayMs - window.size_ms, 0);
  if (clause.grace) window.grace_ms = TRY(clause.grace->to_ms());
  const int64_t least_retention_ms = saturating_add(window.size_ms, window.grace_ms);
  // Where only final results are shown, those of ksqlDB's default would go when they come.
  window.retention_ms =
      emit == Emit::Final ? std::max(least_retention_ms, kDayMs) : least_retention_ms;
  if (clause.retention) {
    const int64_t retention_ms = TRY(clause.retention->to_ms());
    if (retention_ms < least_retention_ms)
      return Error{ErrorCode::InvalidParameter,
                   "a window's RETENTION must be at least its size and grace"}
          .at(clause.position);
    window.retention_ms = retention_ms;
  }
  // A session is looked for in the parts from its record's on: few of them, and each a range that expires.
  constexpr int64_t kFewestMs = 1'000, kMostParts = 100;
  if (window.type == WindowType::Session)
    window.part_ms = std::max({kFewestMs, window.size_ms, window.retention_ms / kMostParts});
  return window;
}

}  // namespace engine
