// What one operator remembers between batches: a table of entries by key bytes, whose changes are
// journalled, and of which some are in memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/state/layers.h"
#include "engine/state/state_changes.h"

namespace engine {

// Threads: belongs to one task.
class Store {
 public:
  virtual ~Store() = default;

  // Whether size() is exact; else, once the store was opened over its backing, there may be fewer.
  virtual bool is_counted() const { return true; }
  const Layers& layers() const { return layers_; }

  // --- Before the first change: open_over() first, where there is a backing, then everything that it does
  // not contain, or else all.
  void open_over(Backing& backing) { layers_.open_over(backing); }
  // Applies an entry of this commit, or of a checkpoint (0); it is not a change. Fails with CorruptRecord.
  virtual Status restore(const StateEntry& entry, uint64_t commit) = 0;
  // How many entries there are, those of the backing included. Not of a store of which everything was restored.
  virtual void restore_size(size_t size) { layers_.open_with(size, is_counted()); }
  // What changes from now on will be in this commit.
  void begin_commit(uint64_t commit) { layers_.begin(commit); }

  // --- Commits
  // Appends what changed since the last call, and goes on to the next commit.
  virtual void take_changes(uint32_t store_index, StateChanges& out) = 0;
  // Checkpoints contain everything up to this commit.
  void note_stored(uint64_t commit) { layers_.note_stored(commit); }

  // A scan that shows what there is now.
  StoreScanPtr begin_scan() { return layers_.begin_scan(end_of_places()); }

  // Rows under these keys will be asked for next: they may be fetched from main memory meanwhile. Those of more than
  // kPrefetchedAtOnce are left out.
  static constexpr size_t kPrefetchedAtOnce = 32;
  virtual void prefetch(std::span<const std::string_view> /*keys*/) const {}

  // --- Memory
  virtual size_t size() const = 0;
  // What its entries take in memory, about; counted while they change, so asking costs nothing.
  virtual size_t memory_bytes() const = 0;
  // What of that it keeps for open scans.
  size_t scan_bytes() const { return layers_.scan_bytes(); }
  // Looks at so many entries in memory, and lets those go that are clean and were not used lately. Between
  // steps: pointers to entries do not hold. Returns how many have gone.
  virtual size_t evict(size_t max_entries) = 0;
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX) {
    return layers_.overtake_scans(bytes);
  }
  // Gives back the memory of some entries of a store that is not used any more; true when there are
  // more. To destroy millions in one go would hold the loop for a second.
  virtual bool release_some() = 0;

 protected:
  // Behind all entries that are in memory now.
  virtual StorePlace end_of_places() const = 0;

  Layers layers_;
};

}  // namespace engine
