// Stops the tasks of several tables, on several shards, between two commits, so that a SELECT begins to read all of
// these tables as of one commit of the log.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/sql/read/held_tables.h"
#include "server/tasks/shard.h"

namespace server {

// As long as this object exists, the tasks that materialize the tables of the given queries are
// stopped ("held"), each of them between two commits. The log has received all earlier commits of
// these tasks, and receives no later one. So a read shows the tables as of one commit of the log,
// no matter in which order the shards are read.
//
// The object holds the tasks of one shard after the other, in the order of the shards' numbers.
// Otherwise two such objects could deadlock: each could hold the tasks of a shard for which the
// other waits.
//
// Threads: any. Owner: shared by the look-up and the scans that are about to begin; the shards
// outlive it.
class ConsistentCut final : public HeldTables, public std::enable_shared_from_this<ConsistentCut> {
 public:
  // Begins to stop the tasks. `standing` is called on the loop of one of the shards when all tasks
  // are stopped, unless the object was destroyed before.
  static std::shared_ptr<ConsistentCut> begin(std::vector<Shard*> shards,
                                              std::vector<std::string> query_ids,
                                              std::function<void()> standing);
  ~ConsistentCut() override;
  ConsistentCut(const ConsistentCut&) = delete;
  ConsistentCut& operator=(const ConsistentCut&) = delete;
  bool holds(const ShardTask& task) const override { return Shard::is_held(task, this); }
  void let_go(Shard& shard, const std::string& query_id) const override {
    shard.release(query_id, this);
  }

 private:
  ConsistentCut(std::vector<Shard*> shards, std::vector<std::string> query_ids,
                std::function<void()> standing)
      : shards_(std::move(shards)),
        query_ids_(std::move(query_ids)),
        standing_(std::move(standing)) {}
  void hold_from(size_t index);
  void hold(size_t index);

  const std::vector<Shard*> shards_;
  const std::vector<std::string> query_ids_;
  const std::function<void()> standing_;
  size_t left_ = 0;  // queries whose tasks on the present shard have not been stopped yet
};

}  // namespace server
