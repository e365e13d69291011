// Where the entries of a store are: which are in memory, and which of them only there.
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

// Where an entry lies in memory: its number, of the places of its window start where a store has such.
struct StorePlace {
  int64_t start = INT64_MIN;
  size_t number = 0;
  auto operator<=>(const StorePlace&) const = default;
};

// A scan of a store, and where it stands. It may rest between two steps for as long as it likes while the store
// goes on changing: it shows each entry that was there when it began, once, as it was then. Only what expires
// meanwhile may be missing.
//
// First come those that the backing had at the beginning, in the order of its keys; then those that only
// memory had, by their places; where memory had all, these alone. What is about to change and has not been shown
// is copied before, and comes at the end.
//
// One that is a look-up shows only what it wants; how it goes on is the store's affair.
struct StoreScan {
  // Wanted: all that it wants has yet to be shown.
  enum class Part : uint8_t { Backing, Memory, Changed, Wanted };

  // When it began:
  uint64_t stored;    // the last commit that was in a checkpoint
  uint64_t until;     // the one that was to come, of which there may have been changes
  bool was_complete;  // all entries were in memory

  Part part = Part::Backing;
  std::string backing_place = {};  // where it goes on there; empty: at its first entry
  StorePlace place = {};           // of the next entry in memory
  StorePlace end = {};             // behind it are younger entries only
  // By the keys of the backing: values from before a change, and nothing for what was not there.
  KeyMap<std::optional<std::string>> before = {};
  size_t value_bytes = 0;                                      // of these
  std::deque<std::pair<std::string, std::string>> taken = {};  // of them, to be shown next
  bool is_overtaken = false;  // memory was needed more: it cannot go on

  // Of a look-up: whether this key of the backing is its concern. Null: all are.
  std::function<bool(const StoreScan& scan, std::string_view key)> wants = nullptr;
  // Likewise: of the next entry in memory, where they come by their keys.
  std::optional<std::string> memory_key = {};

  bool is_concerned(std::string_view key) const { return !wants || wants(*this, key); }

  // Whether an entry that is in memory is seen there, and not where the backing has it.
  bool shows_in_memory(uint64_t born_in) const {
    return born_in <= until && (was_complete || born_in > stored);
  }
  // Whether what has this key now is not what is shown under it.
  bool has_before(std::string_view key) const { return before.size() > 0 && before.contains(key); }
  // What is kept for it.
  size_t memory_bytes() const { return before.memory_bytes() + value_bytes; }
  // Gives back some of that; true when there is more.
  bool release_some() { return before.erase_some(); }
};
using StoreScanPtr = std::shared_ptr<StoreScan>;

//   dirty    changed by a commit that is in no finished checkpoint; only in memory, and in the journal
//   clean    as the checkpoints have it; may leave memory
//   backing  the checkpoints, by key
//
// An entry is looked for in this order. One that was deleted stays in memory, marked, while it is dirty: the
// backing may still have it. Commits are known by their sequence.
//
// Invariants:
//   1. a key that is not in memory is in the backing, with the value that it has now, or nowhere;
//   2. live() is the number of entries in memory that are not deleted, size() that of all; where the two are
//      the same, and the second is known, the backing is not asked.
//
// Threads: the task's. Owner: the store.
class Layers {
 public:
  // Some decades at a thousand a second. What goes into a bit-field of as many bits is masked with it where it is
  // assigned: that costs nothing, and no compiler takes it for a loss.
  static constexpr uint64_t kMaxCommit = (uint64_t{1} << 40) - 1;

  // Before anything is restored. Without a backing nothing ever leaves memory.
  void open_over(Backing& backing) { backing_ = &backing; }
  Backing* backing() const { return backing_; }

  // --- Commits
  // The one that will hold what changes now.
  uint64_t current() const { return current_; }
  void begin(uint64_t commit) { current_ = commit & kMaxCommit; }
  // Checkpoints contain all commits up to this one.
  uint64_t stored() const { return stored_; }
  void note_stored(uint64_t commit) { stored_ = commit > stored_ ? commit : stored_; }
  bool is_clean(uint64_t changed_in) const { return changed_in <= stored_; }

  // --- Counting
  size_t size() const { return size_; }
  size_t live() const { return live_; }
  bool is_complete() const { return live_ == size_ && is_counted_; }
  bool is_counted() const { return is_counted_; }
  // Of a store that was opened over its backing.
  void open_with(size_t size, bool is_counted) {
    size_ = size;
    is_counted_ = is_counted;
  }
  // It was an estimate; now it is known how many are only in the backing.
  void count(size_t away) {
    size_ = live_ + away;
    is_counted_ = true;
  }
  void clear() { size_ = live_ = 0; }
  void made() { ++size_, ++live_; }
  void erased() { --size_, --live_; }
  void fetched() { ++live_; }
  void expired(size_t away) { size_ -= std::min(away, size_ - live_); }  // in the backing only
  // How many keys the backing was asked for. Who works through many of them stops after some: each may mean
  // to wait for the disk.
  uint64_t fetches() const { return fetches_; }
  // Entries were looked for there otherwise than by fetch().
  void note_fetch() { ++fetches_; }
  // Nothing when the backing does not have it.
  Result<std::optional<std::string_view>> fetch(std::string_view key) {
    ++fetches_;
    return backing_->get(key);
  }

  // --- Scans
  // `end`: of the places in memory, now.
  StoreScanPtr begin_scan(StorePlace end);
  // The next step of one; false at its end.
  // `in_memory`: false when no places are left. `in_backing`: of an entry there, false to stop behind it.
  // `from_before`: of a value that was kept before it changed, likewise.
  struct ScanStep {
    std::function<bool(StoreScan& scan)> in_memory;
    using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
    Visit in_backing, from_before;
  };
  Result<bool> scan(StoreScan& scan, StorePlace end, size_t max_entries, const ScanStep& step);
  // Whether an entry that changes may have to be kept for a scan.
  bool has_scans() const { return !scans_.empty(); }
  // An entry of the backing's key `key` is about to change or to go: it is kept for the scans that have yet to
  // show it. `place()`: in memory. `encode()`: its value for the backing.
  void keep_before(std::string_view key, uint64_t born_in, const std::function<StorePlace()>& place,
                   const std::function<std::string()>& encode);
  // An entry has been made, where there was none: scans that began before do not show it.
  void keep_absent(std::string_view key, uint64_t born_in);
  // Fails with ObjectState when it cannot.
  static Status check_goes_on(const StoreScan& scan);
  // Takes what was kept for a scan under this key, if there is some: the value, or that there was none.
  static std::optional<std::optional<std::string>> take_before(StoreScan& scan,
                                                               std::string_view key);
  // What is kept for scans.
  size_t scan_bytes() const;
  // Memory is needed more than by those who read: all scans end, or the oldest, until `bytes` less are kept. What
  // they keep is for the caller to give back: a client that does not read on may not ask for it for an hour.
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX);

  // --- Leaving memory, but for what scans must still find there
  // Looks which scans there still are; true when entries may leave at all.
  bool begin_eviction();
  // Of the places [from, to), lets those entries go that are clean and were not used since it came by last.
  // `at`: the entry of a place, null where there is none that may go. Returns how many have gone.
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
  bool is_counted_ = true;  // else size_ is an estimate
  uint64_t fetches_ = 0;
  std::vector<std::weak_ptr<StoreScan>> scans_;
  uint64_t held_from_ = kMaxCommit;  // entries born in later commits stay
};

}  // namespace engine
