// Removes the stores of dropped tasks. After a drop, the stores can no longer be found; their
// entries are removed later in slices.
#pragma once
#include <atomic>
#include <deque>
#include <string>

#include "storage/state/state_file.h"

namespace storage {

// Invariant: all stores that wait for their removal are in the file's table `dropped`, so a crash
// loses none of them.
//
// Threads: pending() any; the other methods the state writer's. Owner: the state writer.
class StoreRemoval {
 public:
  StoreRemoval(StateFile& file, size_t chunk_keys);

  // Drops all tasks whose ids begin with the prefix, in one commit. Their stores cannot be found
  // afterwards: a task that is created again with the same id gets new stores.
  Status drop(const std::string& prefix);
  // Removes some entries of the store that was dropped first.
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
