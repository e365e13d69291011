// The inputs of a task with an upper limit for reading. A barrier sets the limits: it stops several queries after the
// same records, for consistent reads (docs/adr/0153).
#pragma once
#include <absl/container/flat_hash_map.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/exec/ports.h"

namespace server {

// The cuts of a barrier: for each partition the end offset (exclusive) up to which records count.
using Cuts = absl::flat_hash_map<engine::PartitionRef, Offset>;
using CutsPtr = std::shared_ptr<const Cuts>;

// Passes polls to other sources. While cuts are set, a partition seems to end at its cut (an end offset), even if a
// poll asks only for the end of the partition. So the reader of a time-ordered exchange sees that a writer has sent all
// rows up to its cuts, and does not wait for further rows. Partitions without a cut are not limited.
// Threads: the task's. Owner: the task's ShardTask; destroyed after the task.
class LimitedSources final : public engine::Sources {
 public:
  explicit LimitedSources(engine::Sources& sources) : sources_(sources) {}

  void limit(CutsPtr cuts) { cuts_ = std::move(cuts); }
  void lift() { cuts_ = nullptr; }

  Result<std::vector<engine::Polled>> poll(
      std::span<const std::pair<engine::PartitionRef, Offset>> positions,
      size_t max_bytes) override;
  void release() override { sources_.release(); }

 private:
  engine::Sources& sources_;
  CutsPtr cuts_;  // null: no limit
};

}  // namespace server
