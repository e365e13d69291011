#include "engine/plan/window_plan.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

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
  // check_statement_setting() has already validated the text
  (void)absl::SimpleAtoi(set->second, &limit);
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
      fmt::format("each record would belong to {} windows, but the limit is {}", count, limit),
      fmt::format("The windows have a size of {} ms and advance by {} ms.", window.size_ms,
                  window.advance_ms),
      fmt::format(
          "Advance by {} ms or more{}.", (window.size_ms - 1) / limit + 1,
          count > kMostWindowsPerRecord
              ? ""
              : fmt::format(", or raise the limit: SET '{}' = '{}'", kMaxWindowsProperty, count))};
}

// Returns a duration as text: "7 days", "90 seconds".
std::string duration_text(int64_t ms) {
  constexpr std::pair<int64_t, std::string_view> kUnits[] = {{kDayMs, "day"},
                                                             {3'600'000, "hour"},
                                                             {60'000, "minute"},
                                                             {1'000, "second"},
                                                             {1, "millisecond"}};
  const auto unit =
      std::ranges::find_if(kUnits, [ms](const auto& each) { return ms % each.first == 0; });
  const int64_t count = ms / unit->first;
  return fmt::format("{} {}{}", count, unit->second, count == 1 ? "" : "s");
}

// Limit for the window starts of a table without a RETENTION. Each window start that is kept takes
// 200 bytes of memory in each task, even if its rows are on disk (docs/adr/0112). If kMostStarts
// windows cover more than five years, as windows that advance by a quarter of an hour do, the limit
// does not apply: such tables grow by at most 7 MB a year.
constexpr int64_t kMostStarts = 200'000;
constexpr int64_t kLongMs = 5 * 365 * kDayMs;

int64_t kept_ms(const AggregateWindow& window, int64_t source_retention_ms) {
  const int64_t most_ms = window.type == WindowType::Session
                              ? kRetentionOfSource
                              : saturating_multiply(window.advance_ms, kMostStarts);
  const int64_t wanted_ms = source_retention_ms < 0 ? kRetentionOfSource : source_retention_ms;
  if (wanted_ms == kRetentionOfSource && most_ms >= kLongMs) return kRetentionOfSource;
  return std::max(window.retention_ms, std::min(wanted_ms, most_ms / kDayMs * kDayMs));
}

AggregateWindow* find_window(QueryPlan& plan) {
  for (StagePlan& stage : plan.stages)
    for (PlanNode& node : stage.nodes)
      if (auto* step = std::get_if<AggregateStep>(&node.step); step && step->window)
        return &*step->window;
  return nullptr;
}

}  // namespace

void keep_windows(QueryPlan& plan, const Query& query, int64_t source_retention_ms) {
  AggregateWindow* const window = find_window(plan);
  if (!window || !query.window || query.window->retention) return;
  window->retention_ms = kept_ms(*window, source_retention_ms);
  // The store divides the time into parts. To find the session of a record, it reads the part of the record and all
  // later parts, so a store should have few parts. But parts should be short, because only whole parts expire.
  if (window->type == WindowType::Session) window->part_ms = std::max(window->size_ms, kDayMs);
}

void keep_windows_of(const QueryPlan& old, QueryPlan& plan, const Query& query) {
  AggregateWindow* const window = find_window(plan);
  if (!window || !query.window || query.window->retention) return;
  for (const StagePlan& stage : old.stages)
    for (const PlanNode& node : stage.nodes)
      if (const auto* step = std::get_if<AggregateStep>(&node.step); step && step->window) {
        window->retention_ms = step->window->retention_ms;
        window->part_ms = step->window->part_ms;
      }
}

std::optional<std::string> window_notice(const QueryPlan& plan) {
  for (const StagePlan& stage : plan.stages)
    for (const PlanNode& node : stage.nodes) {
      const auto* step = std::get_if<AggregateStep>(&node.step);
      if (!step || !step->window) continue;
      if (stays_with_source(*step->window))
        return fmt::format(
            "windows can be read as long as {} keeps its records; RETENTION sets another time",
            plan.sources.front());
      return fmt::format("windows can be read for {} of event time; RETENTION sets another time",
                         duration_text(step->window->retention_ms));
    }
  return std::nullopt;
}

Result<AggregateWindow> plan_window(const WindowClause& clause, Emit emit,
                                    const Properties& properties) {
  AggregateWindow window{.type = clause.type};
  window.size_ms = TRY(clause.size.to_ms());
  window.advance_ms = clause.advance ? TRY(clause.advance->to_ms()) : window.size_ms;
  if (window.size_ms <= 0 || window.advance_ms <= 0 || window.advance_ms > window.size_ms)
    return Error{
        ErrorCode::InvalidParameter,
        "the size and the advance of a window must be positive, and the advance must not exceed "
        "the size"}
        .at(clause.position);
  if (const Status fits = check_window_count(window, properties); !fits)
    return Error(fits.error()).at(clause.position);
  TRY(check_max_ahead(properties));
  // As in ksqlDB, the default grace period is a day minus the size of the window; with EMIT FINAL it is 0.
  window.grace_ms = emit == Emit::Final ? 0 : std::max<int64_t>(kDayMs - window.size_ms, 0);
  if (clause.grace) window.grace_ms = TRY(clause.grace->to_ms());
  const int64_t least_retention_ms = saturating_add(window.size_ms, window.grace_ms);
  // With EMIT FINAL, ksqlDB's default retention would remove results as soon as they have been emitted.
  window.retention_ms =
      emit == Emit::Final ? std::max(least_retention_ms, kDayMs) : least_retention_ms;
  if (clause.retention) {
    const int64_t retention_ms = TRY(clause.retention->to_ms());
    if (retention_ms < least_retention_ms)
      return Error{ErrorCode::InvalidParameter,
                   "the RETENTION of a window must be at least its size and grace"}
          .at(clause.position);
    window.retention_ms = retention_ms;
  }
  // The store divides the time into parts. To find the session of a record, it reads the part of the record and all
  // later parts, so a store should have few parts. But parts should be short, because only whole parts expire.
  constexpr int64_t kFewestMs = 1'000, kMostParts = 100;
  if (window.type == WindowType::Session)
    window.part_ms = std::max({kFewestMs, window.size_ms, window.retention_ms / kMostParts});
  return window;
}

}  // namespace engine
