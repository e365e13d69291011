// Identifies a partition in storage by the topic's id and a number, never by the topic's name. (The
// engine has a type of its own, engine::PartitionRef, because neither folder depends on the other;
// server/tasks/log_ports.h converts between the two.)
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/uuid.h"

namespace storage {

// Whether clients or queries read a partition. This decides in which table its batches are stored.
enum class PartitionKind : uint8_t {
  // A topic that clients see. Each partition has its own table, whose pages stay full.
  Client = 0,
  // An exchange between the stages of a query. All such partitions share one table, since there may
  // be tens of thousands.
  Internal = 1,
};

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
