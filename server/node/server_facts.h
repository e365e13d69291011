// What SHOW SERVER tells about the process, its log and its disk.
#pragma once
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "engine/system_tables/information.h"
#include "server/metadata/image.h"

namespace server {

struct ServerFactSources {
  const std::string& data_dir;
  const Clock& clock;
  int64_t started_us = 0;  // of the clock
  size_t shards = 0, partitions = 0;
  size_t pg_connections = 0, kafka_connections = 0;
  const MetadataImage& image;
  const MemoryBudget& memory;
};

// Reads files of /proc and of the data directory: a few system calls, nothing that waits for a disk.
std::vector<engine::ServerFact> server_facts(const ServerFactSources& sources);

}  // namespace server
