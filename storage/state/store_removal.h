// Stores of tasks that were dropped: unknown at once, gone in slices.
#pragma once
#include <atomic>
#include <deque>
#include <string>

#include "storage/state/state_file.h"

namespace storage {

// Invariant: what waits here is in the file's table `dropped`, so a crash forgets nothing.
//
// Threads: pending() any; the rest the state writer's.
// Owner:   the state writer.
class StoreRemoval {
 public:
  StoreRemoval(StateFile& file, size_t chunk_keys);

  // All tasks whose id begins so. One commit, after which they are unknown: a task made again under
  // the same id gets new stores.
  Status drop(const std::string& prefix);
  // Some entries of the store that was dropped first.
  Status remove_a_slice();

  bool is_done() const { return dropped_.empty(); }
  size_t pending() const { return pending_.load(); }

 private:
  void take_up();

  StateFile& file_;
  const size_t chunk_keys_;
  std::deque<StoreId> dropped_;
  std::atomic<size_t> pending_ = 0;
};

}  // namespace storage
