// Batches of transactions of one connection, which go into their partitions in the order in which they came.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace server::kafka {

// A batch waits until the coordinator has said that its partition is part of the transaction. Of several that are under way
// the answer to a later one may be there first: to the second question of the one before, which had to add the partition,
// it takes longer. If it went on then it would be out of sequence.
//
// Threads: one loop's. Owner: a connection; shared with what is under way.
class JoinOrder {
 public:
  using Lane = std::pair<storage::TopicPartition, ProducerId>;

  // The place of a batch behind those that have come before it. Each place is settled once.
  uint64_t enter(const Lane& lane);
  // `settle` is called as soon as all before it are settled.
  void settle(const Lane& lane, uint64_t place, std::function<void()> settle);

 private:
  struct Place {
    uint64_t number;
    std::function<void()> settle = {};  // empty: it is not known yet what becomes of the batch
  };
  std::map<Lane, std::deque<Place>> lanes_;
  uint64_t last_ = 0;
};

}  // namespace server::kafka
