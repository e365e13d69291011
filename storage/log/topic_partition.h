// The name of a partition for storage: a topic's id, never its name, and a number.
#pragma once
#include <compare>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/uuid.h"

namespace storage {

struct TopicPartition {
  Uuid topic;
  PartitionId partition;
  auto operator<=>(const TopicPartition&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const TopicPartition& id) {
    return H::combine(std::move(h), id.topic, id.partition);
  }
};

}  // namespace storage
