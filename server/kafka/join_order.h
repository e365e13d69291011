// Keeps the transactional batches of one connection in order while each of them waits for the
// transaction's coordinator.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

// A batch is appended when the coordinator has confirmed that its partition belongs to the
// transaction. The confirmation of a later batch may arrive first: for the earlier batch the
// coordinator may have to add the partition to the transaction, which takes longer. If the later
// batch were then appended first, its sequence number would be too high.
//
// Threads: one loop. Owner: a connection; shared with requests under way.
class JoinOrder {
 public:
  using Lane = std::pair<storage::TopicPartition, ProducerId>;

  // Enters a batch of a producer for a partition (together they are the lane). Returns a place after all earlier
  // batches of the lane. The caller then calls settle() once for this place.
  uint64_t enter(const Lane& lane);
  // Called when it is known whether the batch may be appended. Calls the callback `settle`, which appends or refuses
  // the batch, when settle() was called for all earlier places of the lane, too.
  void settle(const Lane& lane, uint64_t place, std::function<void()> settle);

 private:
  struct Place {
    uint64_t number;
    std::function<void()> settle = {};  // empty: the batch still waits for its answer
  };
  std::map<Lane, std::deque<Place>> lanes_;
  uint64_t last_ = 0;
};

}  // namespace server::kafka
