// Plans a WINDOW clause: adds its defaults, and converts its durations to milliseconds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "engine/plan/plan.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Limit for the number of windows that contain one record. Each window is a group that the record
// changes and whose new row is written. If windows of a year advanced by a millisecond, one record
// would change 31,536,000,000 groups.
inline constexpr int64_t kMaxWindowsPerRecord = 10'000;

// Returns the window with its defaults. Fails with InvalidParameter if size, advance and grace
// contradict each other, or if the property `stream.time.max.ahead.ms` (how far ahead of the clock
// a record may move stream time) is invalid. Fails with LimitExceeded if one record would be in
// more windows than the property `max.windows.per.record` allows (default: kMaxWindowsPerRecord, at
// most kMostWindowsPerRecord).
Result<AggregateWindow> plan_window(const WindowClause& clause, Emit emit,
                                    const Properties& properties);

// Value of retention_ms for windows that are kept as long as the source keeps its records. Such
// windows do not expire by stream time.
inline constexpr int64_t kRetentionOfSource = INT64_MAX;
inline bool stays_with_source(const AggregateWindow& window) {
  return window.retention_ms == kRetentionOfSource;
}
// `plan` is the plan of `query`. If the query has no RETENTION, its windows can be read as long as
// the source keeps its records (docs/adr/0112). `source_retention_ms` is the retention of the
// source; negative: unlimited.
void keep_windows(QueryPlan& plan, const Query& query, int64_t source_retention_ms);
// `query` replaces the query with the plan `old`. If it has no RETENTION, its windows keep the
// retention that they have in `old`.
void keep_windows_of(const QueryPlan& old, QueryPlan& plan, const Query& query);
// Returns how long the windows of a query can be read, for the notice of CREATE; nullopt if the query has no windows.
std::optional<std::string> window_notice(const QueryPlan& plan);

}  // namespace engine
