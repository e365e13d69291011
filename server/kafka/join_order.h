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

// A batch is appended after the coordinator has confirmed that its partition belongs to the
// transaction. The confirmation for a later batch may arrive first: for the earlier batch the
// coordinator may have to add the partition, which takes longer. If the later batch were appended
// first, it would be out of sequence.
//
// Threads: one loop's. Owner: a connection; shared with requests under way.
class JoinOrder {
 public:
  using Lane = std::pair<storage::TopicPartition, ProducerId>;

  // Returns a place for a batch after all earlier batches of the lane, which contains the batches
  // of one producer for one partition. Each place is settled once.
  uint64_t enter(const Lane& lane);
  // Calls the callback `settle` as soon as all earlier places of the lane are settled.
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
