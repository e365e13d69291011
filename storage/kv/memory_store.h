// The implementation of a key-value store in memory, for tests: it forgets unsynced data.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// The disk of a test, which outlives the process: stores are opened on it, one after another.
// Threads: any.
class MemoryDisk {
 public:
  enum class Sync { EveryCommit, Never };

  MemoryDisk();
  ~MemoryDisk();

  // Opens a store. Sync::Never commits without syncing: a faulty store that a test of durability
  // must detect.
  std::unique_ptr<KeyValueStore> open(Sync sync = Sync::EveryCommit);

  // Cuts the power: all unsynced data is lost, and the open stores fail from now on.
  void drop_unsynced();

  // Sets a function that is called within each commit when the commit is written and not yet
  // synced.
  void set_before_sync(std::function<void()> before_sync);
  // Lets commits fail with DiskFull while keys and values together exceed this many bytes.
  void set_capacity(size_t capacity_bytes);

  struct State;

 private:
  std::shared_ptr<State> state_;  // shared with the stores, which tests may close in any order
};

}  // namespace storage
