// Lets queries that are built beside others take their places when they have caught up (docs/adr/0046).
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
#include "server/tasks/table_publisher.h"

namespace server {

// Looks some times a second whether one of them has caught up. Then, one after the other: both queries stand (logged,
// so that a restart finds them standing), what differs is written to the table's topic as one transaction, the new query
// gets the table and the old one goes (one command of the metadata log). Each of these can be repeated.
//
// Threads: its own, which waits for the shards, the log and the metadata thread: all of them run.
// Owner:   the node.
class Rebuilds {
 public:
  Rebuilds(storage::Log& log, MetadataApplier& definitions, QuerySupervisor& supervisor,
           std::vector<Shard*> shards, MemoryBudget& memory, const Clock& clock)
      : log_(log),
        definitions_(definitions),
        supervisor_(supervisor),
        shards_(std::move(shards)),
        clock_(clock),
        publisher_(log, memory, clock, must_stop_) {}
  ~Rebuilds() { stop_thread(); }

  void start_thread();
  void stop_thread();

 private:
  void run();
  void advance(const DefinedQuery& query);
  std::vector<ShardTaskReport> reports_of(const std::string& query_id) const;
  // All of its tasks are there, and have little left to read.
  bool has_caught_up(const DefinedQuery& query) const;
  // Neither of the two makes rows, and the new one's tasks are all there.
  bool both_stand(const DefinedQuery& query) const;
  Status stand(const DefinedQuery& query);
  TablePublisher::Topics topics_of(const DefinedQuery& query) const;
  Status take_place(const DefinedQuery& query);
  Status submit(RebuildStep step);

  storage::Log& log_;
  MetadataApplier& definitions_;
  QuerySupervisor& supervisor_;
  const std::vector<Shard*> shards_;
  const Clock& clock_;
  std::atomic<bool> must_stop_ = false;
  TablePublisher publisher_;
  std::map<std::string, int64_t> not_before_ms_;  // those that could not take their place
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::thread thread_;
};

}  // namespace server
