// What sessions are told by the server's settings.
#pragma once
#include <cstdint>

#include "engine/catalog/catalog.h"

namespace server {

struct SqlSettings {
  int64_t read_wait_ms = 2000;           // how long a look-up waits for what its session wrote
  int64_t copy_atomic_bytes = 64 << 20;  // a larger COPY commits in blocks
  // Queries that run, or whose rows are not all fetched: a scan or a task each.
  int64_t max_queries_per_session = 64;
  int64_t max_open_queries = 10'000;
  engine::EngineSettings engine;
};

}  // namespace server
