// The implementation of a key-value store in memory, for tests. It loses unsynced data when a test
// cuts the power.
#pragma once
#include <functional>
#include <memory>

#include "storage/kv/kv.h"

namespace storage {

// The disk of a test. It survives the stores that are opened on it one after another, as a real
// disk survives a process. Threads: any.
class MemoryDisk {
 public:
  enum class Sync { EveryCommit, Never };

  MemoryDisk();
  ~MemoryDisk();

  // Opens a store. With Sync::Never the store commits without syncing. Tests of durability use such
  // a faulty store to prove that they detect the loss.
  std::unique_ptr<KeyValueStore> open(Sync sync = Sync::EveryCommit);

  // Cuts the power: all unsynced data is lost, and the open stores fail from now on.
  void drop_unsynced();

  // Sets a function that is called within each commit after the write and before the sync.
  void set_before_sync(std::function<void()> before_sync);
  // Makes commits fail with DiskFull while keys and values together exceed this many bytes.
  void set_capacity(size_t capacity_bytes);

  struct State;

 private:
  std::shared_ptr<State> state_;  // shared with the stores, which tests may close in any order
};

}  // namespace storage
