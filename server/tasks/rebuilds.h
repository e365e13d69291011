// Gives tables to rebuilt queries when these have caught up with the old queries (docs/adr/0046).
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/metadata/metadata_applier.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/rebuild_port.h"
#include "server/tasks/table_publisher.h"

namespace server {

// Checks a few times a second whether a rebuilt query has caught up, and then takes three steps.
// First, both queries stop reading. The metadata log records this, so that they do not continue
// after a restart. Second, the differences between the tables of the two queries are written to the
// topic of the old table in one transaction. Third, one command of the metadata log gives the table
// to the new query and drops the old query. Each step can be repeated after a failure.
//
// In a cluster the node that runs the two queries takes the steps (docs/adr/0157). Each attempt at the second step
// writes with a producer of its own, the publisher, whose id is stored in the metadata. When another node runs the
// queries, it first puts its own publisher there: the last step of the earlier node is then refused.
//
// Threads: its own, which waits for the shards, the log and the metadata thread, so all of these
//          must run.
// Owner:   the node.
class Rebuilds {
 public:
  Rebuilds(storage::Log& log, RebuildPort& port, MetadataApplier& definitions,
           QuerySupervisor& supervisor, std::vector<Shard*> shards, MemoryBudget& memory,
           const Clock& clock)
      : port_(port),
        definitions_(definitions),
        supervisor_(supervisor),
        shards_(std::move(shards)),
        clock_(clock),
        publisher_(log, memory, port, must_stop_) {}
  ~Rebuilds() { stop_thread(); }

  void start_thread();
  void stop_thread();

 private:
  void run();
  void advance(const DefinedQuery& query);
  // Replaces the old query after Stand, when both queries have stopped. After a failure both queries continue, if that
  // is safe (Claim::may_go_on).
  Status switch_over(const DefinedQuery& query);
  std::vector<ShardTaskReport> reports_of(const std::string& query_id) const;
  // Returns whether all tasks of the query exist and have read nearly all of their input.
  bool has_caught_up(const DefinedQuery& query) const;
  // Returns whether neither the old nor the new query produces rows, and all tasks of the new query
  // exist.
  bool both_stand(const DefinedQuery& query) const;
  Status stand(const DefinedQuery& query);
  // Whether this process has named the query's publisher (the producer that writes the differences) in the metadata. A
  // lone node continues with the publisher of its former process.
  bool is_claimed(const DefinedQuery& query) const;
  RebuildTopics topics_of(const DefinedQuery& query) const;
  Status take_place(const DefinedQuery& query);
  Status submit(RebuildStep step);

  // The right of this node to replace the old query of a rebuild. `publisher` is the producer that writes the
  // differences between the two tables to the topic of the old one. The metadata name it, so that another node can take
  // the right over.
  struct Claim {
    ProducerId publisher{-1};
    // Whether both queries may continue after a failure. False if the differences are published, or
    // may be published by this node or by an earlier owner of the queries.
    bool may_go_on = true;
  };

  RebuildPort& port_;
  MetadataApplier& definitions_;
  QuerySupervisor& supervisor_;
  const std::vector<Shard*> shards_;
  const Clock& clock_;
  std::atomic<bool> must_stop_ = false;
  TablePublisher publisher_;
  // For each query: time of the next attempt after a failed replacement.
  std::map<std::string, int64_t> not_before_ms_;
  std::map<std::string, Claim> claims_;  // by query id; used on the thread
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::thread thread_;
};

}  // namespace server
