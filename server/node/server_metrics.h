// The page of metrics that Prometheus reads (docs/OPERATING.md lists them).
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
  std::function<void(SqlParts::GroupsDone)>
      own_groups;  // of this node alone: all nodes are scraped
  // Asked on a loop: front ends stop after these, and before other threads do.
  struct Connections {
    std::string_view protocol;
    std::function<size_t()> count;
  };
  std::vector<Connections> connections;
  std::function<size_t()> open_statements;
  // Of a cluster; nothing where there is none.
  struct Cluster {
    int64_t differing_replicas = 0, scrub_rounds = 0;  // of what this node leads
    int64_t nodes = 0, nodes_there = 0;
    bool is_controller = false;  // this node
    int64_t leads = 0, replicas = 0;
    // Of what it leads: with fewer replicas in sync than there are, and than acks=all asks for.
    int64_t under_replicated = 0, under_min_isr = 0;
    int64_t leaderless = 0;  // in the whole cluster
    std::optional<int64_t> metadata_behind =
        {};  // commands; nothing where the controller does not tell
    std::function<bool(const storage::TopicPartition&)> is_led = {};  // by this node
  };
  std::function<Cluster()> cluster = {};
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
