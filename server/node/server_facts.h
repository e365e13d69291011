// The facts of SHOW SERVER about the process, its log and its disk.
#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "engine/system_tables/information.h"
#include "server/metadata/image.h"
#include "server/net/slice_meter.h"
#include "storage/log/log_statistics.h"

namespace server {

struct LoopFacts {
  std::string name;
  SliceReading since_last;  // slices of work since the last reading
  int64_t longest_us = 0;   // longest slice of work since the start
};

// Records that retention has not deleted yet, because a query still has to read them.
struct HeldBackFacts {
  std::string topic, query_id;
  int64_t records = 0;
};

struct ServerFactSources {
  const std::string& data_dir;
  const Clock& clock;
  int64_t started_us = 0;  // time of `clock` at which the server was started
  std::vector<LoopFacts> loops;
  storage::LogStatistics log;
  size_t pg_connections = 0, kafka_connections = 0, http_connections = 0;
  const MetadataImage& image;
  const MemoryBudget& memory;
  std::vector<HeldBackFacts> held_back = {};
};

// Reads files of /proc and metadata of the data files: a few system calls that do not wait for a disk.
std::vector<engine::ServerFact> server_facts(const ServerFactSources& sources);

}  // namespace server
