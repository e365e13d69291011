// The page of metrics that Prometheus reads (docs/OPERATING.md lists them).
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/metadata/image.h"
#include "server/node/server_facts.h"
#include "server/sql/session.h"
#include "server/sql/statement_workers.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"

namespace server {

// What the page is made of. All of it outlives the metrics.
struct MetricsSources {
  std::string data_dir;
  const Clock& clock;
  int64_t started_wall_ms = 0;
  std::vector<Shard*> shards;
  storage::Log& log;
  const MemoryBudget& memory;
  const QuerySupervisor& supervisor;
  StatementWorkers& workers;
  std::function<MetadataImagePtr()> image;
  std::function<void(SqlParts::GroupsDone)> consumer_groups;
  // Asked on a loop: front ends stop after these, and before other threads do.
  struct Connections {
    std::string_view protocol;
    std::function<size_t()> count;
  };
  std::vector<Connections> connections;
  std::function<size_t()> open_statements;
  // Of a cluster; nothing where there is none.
  struct Scrub {
    int64_t differing_replicas, rounds;
  };
  std::function<Scrub()> scrub = {};
};

// A page is made on another thread, of what the loops report in slices. Who asks while one is being made
// gets that one: it is not older than his question by more than the time it takes.
//
// Threads: any.
class ServerMetrics {
 public:
  explicit ServerMetrics(MetricsSources sources);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Calls back once, on any thread; with null when the workers have no room.
  using Done = std::function<void(std::shared_ptr<const std::string>)>;
  void page(Done done);

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // shared with what is on its way
};

}  // namespace server
