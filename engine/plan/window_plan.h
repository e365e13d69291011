// Plans a WINDOW clause: adds its defaults, and converts its durations to milliseconds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "engine/plan/plan.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Limit for the windows of one record. Each of these windows is a group that the record changes and whose new row is
// written. With windows of a year that advance by a millisecond, a record would change 31,536,000,000 groups.
inline constexpr int64_t kMaxWindowsPerRecord = 10'000;

// Returns the window with its defaults. Fails with InvalidParameter if size, advance and grace do not fit together,
// or if the property `stream.time.max.ahead.ms` (how far ahead of the clock a record may move stream time) is
// invalid. Fails with LimitExceeded if a record would be in more windows than the property `max.windows.per.record`
// (default: kMaxWindowsPerRecord, at most kMostWindowsPerRecord) allows.
Result<AggregateWindow> plan_window(const WindowClause& clause, Emit emit,
                                    const Properties& properties);

// Retention of windows that are kept as long as their source keeps its records. Stream time does not end it.
inline constexpr int64_t kRetentionOfSource = INT64_MAX;
inline bool stays_with_source(const AggregateWindow& window) {
  return window.retention_ms == kRetentionOfSource;
}
// Makes the windows of `query`, which `plan` runs, readable as long as the source keeps its records, if the query has
// no RETENTION (docs/adr/0112). `source_retention_ms` is the retention of the source; negative: unlimited.
void keep_windows(QueryPlan& plan, const Query& query, int64_t source_retention_ms);
// Keeps the retention of the windows of `old` if `query`, which replaces the old query, has no RETENTION.
void keep_windows_of(const QueryPlan& old, QueryPlan& plan, const Query& query);
// Returns how long the windows of a query can be read, for the notice of CREATE; nullopt if the query has no windows.
std::optional<std::string> window_notice(const QueryPlan& plan);

}  // namespace engine
