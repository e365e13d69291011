// The environment of a coordinator's partitions. server/node implements it over storage::Log and a loop; tests
// implement it in memory.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "records/batch.h"

namespace storage {
class TransactionGuard;
}

namespace server::coordinator {

// Threads: one loop's; callbacks run on that loop, and never within the call.
class CoordinatorPort {
 public:
  virtual ~CoordinatorPort() = default;

  virtual const Clock& clock() const = 0;
  // Returns whether another node may take over the coordinator, so that a client that asks again may find it.
  virtual bool can_move() const { return false; }

  // Calls `each` for whole batches from the offset `from` on, about `max_bytes` in total, and
  // returns the offset after the last batch. At the end of the log it returns `from`. Durable
  // batches are read even if they are not visible yet: they cannot be lost while this node leads.
  using EachBatch = std::function<Status(const records::BatchView& batch)>;
  virtual Result<Offset> read(PartitionId partition, Offset from, size_t max_bytes,
                              const EachBatch& each) = 0;
  struct Extent {
    Offset start, end;
  };
  virtual Result<Extent> extent(PartitionId partition) = 0;

  // A batch for a partition of another topic.
  struct Elsewhere {
    std::string topic;
    int32_t partition = 0;
    std::string batch = {};
  };
  // Appends a batch, and calls back when the batch is visible: a change of the leader can no longer
  // remove it. Fails with FencedLeaderEpoch or NotLeader if the partition is no longer led under
  // `epoch`. Batches of a partition are appended in the order of the calls. The batches in `with`
  // are stored in the same commit, all or nothing; if that is impossible, append() fails with
  // another error. Batches for deleted partitions are left out. `guard` is the verified state of
  // the transaction to which the batch belongs, or null (PartitionBatches).
  using Guard = std::shared_ptr<const storage::TransactionGuard>;
  virtual void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                      std::vector<Elsewhere> with, Guard guard,
                      std::function<void(Status)> done) = 0;

  // Runs the task at the end of this loop iteration.
  virtual void defer(std::function<void()> task) = 0;
  // Runs the task soon, after the loop has served its sockets and has run one slice of each other
  // task that works in slices.
  virtual void post_rest(std::function<void()> task) = 0;
};

}  // namespace server::coordinator
