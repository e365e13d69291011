// What sessions are told by the server's settings.
#pragma once
#include <algorithm>
#include <cstdint>

#include "engine/catalog/catalog.h"

namespace server {

struct SqlSettings {
  int64_t read_wait_ms = 2000;           // how long a look-up waits for what its session wrote
  // In a cluster, for the end of a transaction that is open: a node's own may last so long where its coordinator dies.
  int64_t open_wait_ms() const { return std::max<int64_t>(read_wait_ms, 5000); }
  int64_t copy_atomic_bytes = 64 << 20;  // a larger COPY commits in blocks
  // Queries that run, or whose rows are not all fetched: a scan or a task each.
  int64_t max_queries_per_session = 64;
  int64_t max_open_queries = 10'000;
  engine::EngineSettings engine;
};

}  // namespace server
