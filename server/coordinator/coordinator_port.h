// The interface between the partitions of a coordinator and the rest of the server. server/node
// implements it with storage::Log and a loop; tests implement it in memory.
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

// Threads: one loop; callbacks run on that loop, and never within the call.
class CoordinatorPort {
 public:
  virtual ~CoordinatorPort() = default;

  virtual const Clock& clock() const = 0;
  // Returns whether another node may become the coordinator, so that a client that looks for its
  // coordinator again may find that node.
  virtual bool can_move() const { return false; }

  // Calls `each` for whole batches from the offset `from` on, about `max_bytes` in total. Returns
  // the offset after the last batch, or `from` at the end of the log. Also reads durable batches
  // that are not visible yet: they are not lost as long as this node leads.
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
  // Appends a batch. Calls back when the batch is visible, so that no change of the leader can
  // remove it. Batches of a partition are appended in the order of the calls. Fails with
  // FencedLeaderEpoch or NotLeader if this node no longer leads the partition under `epoch`.
  //
  // The batches in `with` are stored in the same commit, all or nothing; if that is impossible,
  // append() fails with another error. Batches for deleted partitions are left out. If the batch
  // belongs to a transaction, `guard` confirms that the transaction includes the partition
  // (PartitionBatches::guard); otherwise it is null.
  using Guard = std::shared_ptr<const storage::TransactionGuard>;
  virtual void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                      std::vector<Elsewhere> with, Guard guard,
                      std::function<void(Status)> done) = 0;

  // Runs the task at the end of this loop iteration.
  virtual void defer(std::function<void()> task) = 0;
  // Runs the task soon, but only after the loop has served its sockets and has run one slice of
  // each other task that works in slices.
  virtual void post_rest(std::function<void()> task) = 0;
};

}  // namespace server::coordinator
