// A WINDOW clause with its defaults, in milliseconds.
#pragma once
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

}  // namespace engine
