// A WINDOW clause with its defaults, in milliseconds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "engine/plan/plan.h"
#include "engine/sql/ast_query.h"

namespace engine {

// How many windows one record may lie in. Each of them is a group of its own that the record
// changes and whose new row is written: a record of a window of a year that advances by a
// millisecond would make 31,536,000,000.
inline constexpr int64_t kMaxWindowsPerRecord = 10'000;

// Fails with InvalidParameter where size, advance and grace do not fit together, or the property
// `stream.time.max.ahead.ms` (how far ahead of the clock a record may move stream time) is wrong, and with
// LimitExceeded where a record would lie in more windows than the property `max.windows.per.record`
// (default: kMaxWindowsPerRecord, no more than kMostWindowsPerRecord) allows.
Result<AggregateWindow> plan_window(const WindowClause& clause, Emit emit,
                                    const Properties& properties);

// The retention (of stream time) of windows that stay as long as their source keeps its records: no stream time ends it.
inline constexpr int64_t kRetentionOfSource = INT64_MAX;
inline bool stays_with_source(const AggregateWindow& window) {
  return window.retention_ms == kRetentionOfSource;
}
// Windows of `query`, which `plan` runs, stay readable as long as the source keeps its records, if the query names no
// RETENTION (docs/adr/0112). `source_retention_ms`: of the source, in ms; negative where it keeps all of them.
void keep_windows(QueryPlan& plan, const Query& query, int64_t source_retention_ms);
// A query that takes the place of another, and names no RETENTION, keeps that of its windows.
void keep_windows_of(const QueryPlan& old, QueryPlan& plan, const Query& query);
// How long the windows of a query can be read, as CREATE reports it; nothing for a query without windows.
std::optional<std::string> window_notice(const QueryPlan& plan);

}  // namespace engine
