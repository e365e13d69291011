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
#include "server/connect/native_connectors.h"
#include "server/metadata/image.h"
#include "server/node/server_facts.h"
#include "server/sql/session.h"
#include "server/sql/statement_workers.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/shard.h"
#include "storage/log/log.h"

namespace server {

// The sources of the page. All of them outlive the metrics.
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
      own_groups;  // groups of this node only, since all nodes are scraped
  // count() is called on a loop: the front ends are destroyed after the loops have stopped, but
  // before other threads stop.
  struct Connections {
    std::string_view protocol;
    std::function<size_t()> count;
  };
  std::vector<Connections> connections;
  std::function<size_t()> open_statements;
  // Figures of a node with peers.
  struct Cluster {
    int64_t differing_replicas = 0, scrub_rounds = 0;  // for partitions that this node leads
    int64_t nodes = 0, nodes_there = 0;
    bool is_controller = false;  // whether this node is the controller
    int64_t leads = 0, replicas = 0;
    // Led partitions that have fewer replicas in sync than replicas, and fewer than acks=all needs.
    int64_t under_replicated = 0, under_min_isr = 0;
    int64_t leaderless = 0;  // partitions without a leader, in the whole cluster
    std::optional<int64_t> metadata_behind =
        {};  // commands that this node has not read yet; none without a report
    // Whether this node leads the partition.
    std::function<bool(const storage::TopicPartition&)> is_led = {};
  };
  std::function<std::optional<Cluster>()> cluster;  // none for a lone node
  std::function<std::vector<NativeConnectors::TaskFigures>()> connectors;
  struct Barriers {
    uint64_t begun = 0, abandoned = 0;
  };
  std::function<Barriers()> barriers;  // for consistent reads
};

// A page is written by a worker thread, from reports that the loops compute in slices. A request that arrives while a
// page is being written gets that page, which is older than a new one by at most the time that writing takes.
//
// Threads: any.
class ServerMetrics {
 public:
  explicit ServerMetrics(MetricsSources sources);
  ~ServerMetrics();
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  // Called once, on any thread; with null if the queue of the workers is full.
  using Done = std::function<void(std::shared_ptr<const std::string>)>;
  void page(Done done);

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;  // shared with pages in progress
};

}  // namespace server
