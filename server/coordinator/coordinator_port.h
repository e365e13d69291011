// What the partitions of a coordinator have around them. server/node implements it over storage::Log
// and a loop; tests in memory.
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

// Threads: one loop's; answers come there, and never inside the call.
class CoordinatorPort {
 public:
  virtual ~CoordinatorPort() = default;

  virtual const Clock& clock() const = 0;
  // Whether another node may take the coordinator over, where a client finds it if it asks again.
  virtual bool can_move() const { return false; }

  // Calls `each` for whole batches from `from` on, of about so many bytes together, and answers with
  // the offset to go on from: `from` itself when there is no more. What is durable is read, visible or
  // not: it is not lost any more unless this node stops to lead.
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
  // Answered when the batch is visible, so that no change of the leadership takes it back. Fails with
  // FencedLeaderEpoch or NotLeader when the partition is not led under `epoch` any more. Batches of a
  // partition are appended in the order of the calls.
  // What lies elsewhere is stored in the same commit, all or nothing; with other errors when that cannot be. What is
  // for a partition that is no more is left out.
  // `guard`: of what was verified of a transaction that the batch is part of, or null (PartitionBatches).
  using Guard = std::shared_ptr<const storage::TransactionGuard>;
  virtual void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                      std::vector<Elsewhere> with, Guard guard,
                      std::function<void(Status)> done) = 0;

  // Runs at the end of this turn of the loop.
  virtual void defer(std::function<void()> task) = 0;
  // Runs soon, after sockets and others who work in slices have had their turn.
  virtual void post_rest(std::function<void()> task) = 0;
};

}  // namespace server::coordinator
