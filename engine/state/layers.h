// The layers of a store: entries that changed after the last checkpoint, entries that equal the checkpoint and are in
// memory, and entries that are only in the checkpoint on disk. Layers determines where an entry is looked up, and which
// entries may leave memory.
#pragma once
#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/state/backing.h"
#include "engine/state/key_map.h"

namespace engine {

// Identifies the place of an entry in memory, for the progress of scans. In a store whose entries are divided by window
// start, `number` counts the entries of one start; otherwise it counts all entries.
struct StorePlace {
  int64_t start = INT64_MIN;
  size_t number = 0;
  auto operator<=>(const StorePlace&) const = default;
};

// The progress of a scan, or of a look-up, which shows only some of the entries. The store decides
// how a look-up continues.
struct StoreScan {
  // A scan first shows the entries of the checkpoint, then those in memory, then the values in
  // `before`: old values of entries that have changed since the scan began. Wanted is used for a look-up, which asks
  // for single keys, until it has shown all of them.
  enum class Part : uint8_t { Backing, Memory, Changed, Wanted };

  // The state of the store at the beginning of the scan:
  uint64_t stored;  // last commit in a checkpoint when the scan began
  // commit in progress at that time; some of its changes may have been made already
  uint64_t until;
  bool was_complete;  // true: all entries were in memory when the scan began

  Part part = Part::Backing;
  std::string backing_place = {};  // where to continue in the checkpoint; empty: at its first entry
  StorePlace place = {};           // place of the next entry in memory
  StorePlace end = {};             // entries at or after this place were created later
  // The values that entries had before they changed, by the keys of the checkpoint; nullopt for an entry that
  // did not exist then.
  KeyMap<std::optional<std::string>> before = {};
  // bytes of heap memory that `before` takes
  size_t value_bytes = 0;
  // the entries that the part Changed has moved out of `before`; the scan shows them next
  std::deque<std::pair<std::string, std::string>> taken = {};
  bool is_overtaken = false;  // the memory of the scan was reclaimed; it cannot continue

  // For a look-up: returns whether the look-up includes this key of the checkpoint. Null: all keys are included.
  std::function<bool(const StoreScan& scan, std::string_view key)> wants = nullptr;
  // For a look-up in key order: the key of the next entry in memory.
  std::optional<std::string> memory_key = {};

  bool is_concerned(std::string_view key) const { return !wants || wants(*this, key); }

  // Returns whether the scan shows an entry during the part Memory. If not, it has shown the entry
  // during the part Backing.
  bool shows_in_memory(uint64_t born_in) const {
    return born_in <= until && (was_complete || born_in > stored);
  }
  // Returns whether `before` replaces the current entry of this key.
  bool has_before(std::string_view key) const { return before.size() > 0 && before.contains(key); }
  // Returns the memory that the scan keeps.
  size_t memory_bytes() const { return before.memory_bytes() + value_bytes; }
  // Frees part of the memory of the scan. Returns true if more is left.
  bool release_some() { return before.erase_some(); }
};
using StoreScanPtr = std::shared_ptr<StoreScan>;

// The layers of a store's entries:
//
//   dirty       changed by a commit that is in no finished checkpoint; only in memory and in the journal
//   clean       equal to the checkpoint; may be evicted from memory
//   checkpoint  the entries on disk by key, read through Backing
//
// An entry is looked up in the layers in this order. A deleted entry that is dirty stays in memory, marked as
// deleted, because the checkpoint may still have it. Commits are identified by their sequence.
//
// Invariants:
//   1. a key that is not in memory is in the checkpoint with its current value, or does not exist;
//   2. live() counts the entries in memory that are not deleted, and size() all entries. If both are
//      equal and size() is exact, no read of the checkpoint is needed.
//
// Threads: the task's. Owner: the store.
class Layers {
 public:
  // The highest number of a commit. It is enough for some decades at a thousand commits per second.
  // Values are masked with it when they are assigned to a bit-field of this width; the mask costs
  // nothing and avoids a compiler warning about lost bits.
  static constexpr uint64_t kMaxCommit = (uint64_t{1} << 40) - 1;

  // Sets the access to the checkpoint; call it before anything is restored. Without it, no entry leaves memory.
  void open_over(Backing& backing) { backing_ = &backing; }
  Backing* backing() const { return backing_; }

  // --- Commits
  // Returns the commit that will contain the current changes.
  uint64_t current() const { return current_; }
  void begin(uint64_t commit) { current_ = commit & kMaxCommit; }
  // Returns the last commit in the checkpoints. They also have all earlier commits.
  uint64_t stored() const { return stored_; }
  void note_stored(uint64_t commit) { stored_ = commit > stored_ ? commit : stored_; }
  bool is_clean(uint64_t changed_in) const { return changed_in <= stored_; }

  // --- Counting
  size_t size() const { return size_; }
  size_t live() const { return live_; }
  bool is_complete() const { return live_ == size_ && is_counted_; }
  bool is_counted() const { return is_counted_; }
  // Sets the size of a store that was opened over its checkpoint.
  void open_with(size_t size, bool is_counted) {
    size_ = size;
    is_counted_ = is_counted;
  }
  // Replaces an estimated size by the exact one. `away` is the number of entries that are only in the checkpoint.
  void count(size_t away) {
    size_ = live_ + away;
    is_counted_ = true;
  }
  void clear() { size_ = live_ = 0; }
  void made() { ++size_, ++live_; }
  void erased() { --size_, --live_; }
  void fetched() { ++live_; }
  // Subtracts from size() the `away` expired entries that were only in the checkpoint.
  void expired(size_t away) { size_ -= std::min(away, size_ - live_); }
  // Returns the number of reads from the checkpoint. A caller that works through many keys pauses after some reads,
  // because each read may wait for the disk.
  uint64_t fetches() const { return fetches_; }
  // Counts a read from the checkpoint that does not use fetch().
  void note_fetch() { ++fetches_; }
  // Reads the value of the key from the checkpoint; nullopt if the checkpoint does not have the key.
  Result<std::optional<std::string_view>> fetch(std::string_view key) {
    ++fetches_;
    return backing_->get(key);
  }

  // --- Scans
  // Begins a scan. `end` is the current end of the places in memory.
  StoreScanPtr begin_scan(StorePlace end);
  // The functions of a store for one step of a scan. `in_memory` visits entries in memory, and
  // returns false when none are left. `in_backing` visits one entry of the checkpoint, and returns
  // false if the scan has to pause after it. `from_before` visits one value of StoreScan::before in
  // the same way.
  struct ScanStep {
    std::function<bool(StoreScan& scan)> in_memory;
    using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
    Visit in_backing, from_before;
  };
  Result<bool> scan(StoreScan& scan, StorePlace end, size_t max_entries, const ScanStep& step);
  // Returns whether values may have to be kept for scans before an entry changes.
  bool has_scans() const { return !scans_.empty(); }
  // Saves the value of an entry for those scans that have not shown the entry yet. Call it before
  // the entry changes or is erased. `key` is the entry's key in the checkpoint, `place()` returns its
  // place in memory, and `encode()` its value in the form of the checkpoint.
  void keep_before(std::string_view key, uint64_t born_in, const std::function<StorePlace()>& place,
                   const std::function<std::string()>& encode);
  // Hides a new entry from the scans that began before it existed. Call it after the entry was
  // created.
  void keep_absent(std::string_view key, uint64_t born_in);
  // Fails with ObjectState if the memory of the scan was reclaimed.
  static Status check_goes_on(const StoreScan& scan);
  // Removes and returns the value that was saved for a scan under this key. The outer optional is
  // empty if nothing was saved, and the inner one if the entry did not exist when the scan began.
  static std::optional<std::optional<std::string>> take_before(StoreScan& scan,
                                                               std::string_view key);
  // Returns the memory that all scans keep.
  size_t scan_bytes() const;
  // Ends scans to get back their memory: the oldest scans until `bytes` are free, or all scans. The
  // caller frees the memory of the returned scans. A scan itself could free it only in its next
  // step, and its client may not ask for that step for an hour.
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX);

  // --- Eviction from memory. Entries that open scans must still find in memory are not evicted.
  // Determines which entries open scans hold. Returns true if entries may be evicted at all.
  bool begin_eviction();
  // Evicts those entries at the places [from, to) that are clean and were not used since the last
  // visit. `at` returns the entry at a place, or null if the place has none or it must not be
  // evicted. Returns the number of evicted entries.
  template <class At, class Leave>
  size_t evict(size_t from, size_t to, const At& at, const Leave& leave) {
    size_t evicted = 0;
    for (size_t place = from; place < to; ++place) {
      auto* const entry = at(place);
      if (!entry) continue;
      if (entry->is_used) {
        entry->is_used = false;
      } else if (is_clean(entry->changed_in) && entry->born_in <= held_from_) {
        leave(place);
        --live_;
        ++evicted;
      }
    }
    return evicted;
  }

 private:
  Result<bool> scan_backing(StoreScan& scan, size_t max_entries, const ScanStep::Visit& visit);
  static Result<bool> scan_before(StoreScan& scan, size_t max_entries,
                                  const ScanStep::Visit& visit);
  bool has_shown(StoreScan& scan, std::string_view key, uint64_t born_in,
                 const std::function<StorePlace()>& place) const;
  template <class Each>
  void for_each_scan(const Each& each);

  Backing* backing_ = nullptr;
  uint64_t current_ = 1, stored_ = 0;
  size_t size_ = 0, live_ = 0;
  bool is_counted_ = true;  // false: size_ is an estimate
  uint64_t fetches_ = 0;
  std::vector<std::weak_ptr<StoreScan>> scans_;
  uint64_t held_from_ = kMaxCommit;  // entries created in later commits stay in memory
};

}  // namespace engine
