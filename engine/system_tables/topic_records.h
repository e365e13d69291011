// System tables whose rows come from the server's log. One is the table that the function RECORDS reads
// (engine/sql/records_call.h); the arguments of a call describe a RecordsRequest. The other one is
// millrace_catalog.partitions.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "engine/query/system_rows.h"

namespace engine {

// Returns the table that the function RECORDS reads. The catalogs do not list it, because its rows depend on the
// arguments of a call RECORDS(...).
//
// Threads: any; immutable.
const SystemTable& records_table();
inline bool is_records_table(const SystemTable& table) { return &table == &records_table(); }

// Returns whether the table is millrace_catalog.partitions, whose rows are in the log, too.
bool is_partitions_table(const SystemTable& table);

struct RecordsRequest {
  std::string topic;
  std::optional<int32_t> partition = {};  // not set: all partitions, or those in `positions`
  // At most one of these three members is set. If none is set, reading begins at the newest or
  // oldest record.
  std::optional<int64_t> from_offset = {};    // applies to each partition
  std::map<int32_t, int64_t> positions = {};  // offset by partition; other partitions are not read
  std::optional<int64_t> from_time_ms = {};
  bool is_newest_first = true;
  size_t max_bytes = 1 << 20;

  // max_bytes can be at most kMostBytes. A call reads no further records after kMostMs.
  static constexpr size_t kMostBytes = 64 << 20;
  static constexpr int64_t kMostMs = 2'000;
};
// Returns the request of a call of RECORDS. `wanted` has the conditions of the statement on the
// table; each argument of the call is one of them. Fails with InvalidParameter if an argument is
// missing, wrong, or not constant.
Result<RecordsRequest> records_request(std::span<const SystemTextFilter> wanted,
                                       const EvalContext& context);

}  // namespace engine
