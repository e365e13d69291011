// The server's settings that sessions use.
#pragma once
#include <algorithm>
#include <cstdint>

#include "engine/catalog/catalog.h"

namespace server {

struct SqlSettings {
  int64_t read_wait_ms = 2000;  // limit of a read's wait for tables that make no progress
  // Limit, in a cluster, of the wait for the end of an open transaction. If the node of the
  // coordinator fails, the transaction may stay open for some seconds, so the limit is at least 5
  // seconds.
  int64_t open_wait_ms() const { return std::max<int64_t>(read_wait_ms, 5000); }
  int64_t copy_atomic_bytes = 64 << 20;  // a larger COPY commits in blocks
  // Limits for queries that run, or whose rows are not all fetched. Each of these queries occupies
  // a scan or a task.
  int64_t max_queries_per_session = 64;
  int64_t max_open_queries = 10'000;
  engine::EngineSettings engine;
};

}  // namespace server
