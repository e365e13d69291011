// The coordinators of groups on the node's loops: each partition of __consumer_offsets lives on one of
// them, and requests are handed over to it.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/memory_budget.h"
#include "server/coordinator/group_shard.h"
#include "server/coordinator/groups.h"
#include "server/kafka/backend.h"
#include "server/net/loop.h"

namespace server {

// Threads: the owner's, while no loop runs; start() and stop() from any. What Groups offers belongs to its
//          loop.
// Owner: the node; goes when the loops have stopped.
class GroupCoordinators {
 public:
  struct Shard {
    Loop* loop;
    kafka::Backend* backend;
  };
  GroupCoordinators(const std::vector<Shard>& shards, const coordinator::GroupSettings& settings,
                    const Clock& clock, MemoryBudget& memory);
  ~GroupCoordinators();
  GroupCoordinators(const GroupCoordinators&) = delete;
  GroupCoordinators& operator=(const GroupCoordinators&) = delete;

  // For the front ends of that loop.
  coordinator::Groups& of(size_t shard);
  // How far all groups are; those that cannot be asked now are left out. Any thread; answered on one of
  // the loops.
  void progress(std::function<void(std::vector<coordinator::GroupProgress>)> done);
  // Loads the groups that there are, when the loops run.
  void start();
  // Who waits is told to look for a coordinator elsewhere; nothing is coordinated any more.
  void stop();

 private:
  struct OnLoop;
  OnLoop& loop_of(PartitionId partition);
  // Rows of all partitions; with an error when one could not be asked.
  template <class Row>
  void gather(std::function<std::vector<Row>(const coordinator::GroupPartition&)> rows_of,
              std::function<void(KafkaError, std::vector<Row>)> done);

  const coordinator::GroupSettings settings_;
  std::vector<std::unique_ptr<OnLoop>> shards_;
};

}  // namespace server
