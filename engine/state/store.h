// The state that one operator keeps between batches: a table of entries by key bytes. Changes are
// written to the journal. Possibly only some of the entries are in memory.
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

  // Returns whether size() is exact. If it is not, a store that was opened with a checkpoint may have fewer
  // entries than size().
  virtual bool is_counted() const { return true; }
  const Layers& layers() const { return layers_; }

  // --- Restoring, before the first change. If the store has a checkpoint, call open_over(), and then
  // restore() for each entry that is not in the checkpoint. Without a Backing, call restore() for all entries.
  void open_over(Backing& backing) { layers_.open_over(backing); }
  // Applies an entry of this commit, or of a checkpoint if `commit` is 0. The entry does not count as a change. Fails
  // with CorruptRecord if the entry is damaged.
  virtual Status restore(const StateEntry& entry, uint64_t commit) = 0;
  // Sets the number of entries, including those of the checkpoint. Not called if every entry was restored.
  virtual void restore_size(size_t size) { layers_.open_with(size, is_counted()); }
  // Begins a commit, to which later changes belong.
  void begin_commit(uint64_t commit) { layers_.begin(commit); }

  // --- Commits
  // Appends the changes since the last call, and begins the next commit.
  virtual void take_changes(uint32_t store_index, StateChanges& out) = 0;
  // Called when all commits up to this one are in the checkpoints.
  void note_stored(uint64_t commit) { layers_.note_stored(commit); }

  // Begins a scan of the current entries.
  StoreScanPtr begin_scan() { return layers_.begin_scan(end_of_places()); }

  // Prefetches rows into the CPU caches. `keys` are the keys of the rows that will be read next. Keys after the first
  // kPrefetchedAtOnce are ignored.
  static constexpr size_t kPrefetchedAtOnce = 32;
  virtual void prefetch(std::span<const std::string_view> /*keys*/) const {}

  // --- Memory
  virtual size_t size() const = 0;
  // Returns the estimated memory of the entries. The counters are updated with each change, so the call is cheap.
  virtual size_t memory_bytes() const = 0;
  // Returns the part of memory_bytes() that is kept for open scans.
  size_t scan_bytes() const { return layers_.scan_bytes(); }
  // Examines at most `max_entries` entries in memory. Evicts those that are clean (equal to the
  // checkpoints) and were not used since the previous examination. Call it between steps, because
  // pointers to entries become invalid. Returns the number of evicted entries.
  virtual size_t evict(size_t max_entries) = 0;
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX) {
    return layers_.overtake_scans(bytes);
  }
  // Frees the memory of some entries of a store that is no longer used. Returns true if more are left. Destroying
  // millions of entries in one step would block the loop for a second.
  virtual bool release_some() = 0;

 protected:
  // Returns the place after all entries that are in memory at present.
  virtual StorePlace end_of_places() const = 0;

  Layers layers_;
};

}  // namespace engine
