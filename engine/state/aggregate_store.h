// The states of the groups of an aggregation, by key and window.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/functions/aggregate.h"
#include "engine/state/group_key.h"
#include "engine/state/hash_index.h"
#include "engine/state/slot_pool.h"
#include "engine/state/store.h"

namespace engine {

// One group: this head, then the states of all aggregates, one behind the other
// (AggregateStore::state).
struct GroupSlot {
  // Owned by it. Null: of a piece of memory that is no group any more.
  const GroupKey* key = nullptr;
  int64_t window_start = 0;             // 0 without windows
  int64_t timestamp = -1;               // the greatest of all that contributed
  uint64_t changed_in : 40 = 0;         // the commit; 0: as a checkpoint has it
  uint64_t low_encoded_bytes : 24 = 0;  // see encoded_bytes()
  uint64_t born_in : 40 = 0;            // see Layers::evict()
  uint64_t high_encoded_bytes : 16 = 0;
  bool emitted : 1 = false;  // some row of this group went downstream
  bool is_used : 1 = false;  // since evict() looked at it

  // Of its states, as last encoded.
  size_t encoded_bytes() const { return size_t{high_encoded_bytes} << 24 | low_encoded_bytes; }
  void set_encoded_bytes(uint64_t bytes) {
    low_encoded_bytes = bytes & 0xFF'FFFF;
    high_encoded_bytes = bytes >> 24 & 0xFFFF;
  }
};
static_assert(sizeof(GroupSlot) == 40);  // there are millions of them

// Entries are journalled, and lie in the backing, under (8 bytes window start, big-endian, if windowed) + key
// bytes: all windows before a time are one range, those of one start are in the order of their keys, and those
// that change now lie together.
//
// Invariants:
//   1. a group that is in memory is in index_, and lies in the pool of its window's start (without windows
//      there is one, 0);
//   2. no group that begins before expired_before_ is changed any more;
//   3. states are initialised;
//   4. once knows_starts(), all starts of windows in the backing that have not expired are in by_start_.
//
// Threads: belongs to one task.
// Owner:   the aggregate operator.
class AggregateStore final : public Store {
 public:
  AggregateStore(std::vector<AggregateInstance> instances, bool is_windowed);
  ~AggregateStore() override;
  AggregateStore(const AggregateStore&) = delete;
  AggregateStore& operator=(const AggregateStore&) = delete;

  // A group that takes more is not changed any more: each change would write all of it once more, which holds the
  // loop for a tenth of a second, and a result of as much is refused (kMaxValueBytes).
  static constexpr size_t kMaxGroupBytes = size_t{64} << 20;
  // The group, made when it is not there, and marked as changed; null when it is too large for that. Holds until
  // the step ends.
  Result<GroupSlot*> touch(std::string_view key, int64_t window_start = 0);
  // A key and its window's start; without windows that is 0.
  struct EntryKey {
    int64_t window_start = 0;
    std::string_view key;
  };
  // Brings what touch() of these will look at into the processor's caches.
  void prefetch(std::span<const EntryKey> keys) const;
  static constexpr size_t kPrefetchedAtOnce = HashIndex<GroupSlot>::kPrefetchedAtOnce;
  // nullptr when there is none. Holds until the step ends.
  Result<const GroupSlot*> find(std::string_view key, int64_t window_start = 0) {
    return TRY(fetch(key, window_start));
  }
  void* state(GroupSlot& slot, size_t call) const {
    return reinterpret_cast<char*>(&slot) + offsets_[call];
  }
  const void* state(const GroupSlot& slot, size_t call) const {
    return reinterpret_cast<const char*>(&slot) + offsets_[call];
  }
  const std::vector<AggregateInstance>& instances() const { return instances_; }
  // Whether groups may be of any size.
  bool has_heap() const { return has_heap_; }
  // Of all groups that have changed since the last commit, as they were then.
  size_t changed_bytes() const { return changed_bytes_; }

  // A store that was opened over its backing must know which starts of windows there are, which may be many
  // thousands. Looks for some more of them; true when all are known, as in any other store.
  Result<bool> find_starts(size_t max_starts = SIZE_MAX);
  bool knows_starts() const { return !unknown_from_; }
  // All windows that start before `start_ms` are gone, for the journal as well. forget_some() gives their memory back, and
  // until then scans may show some of them. All starts are known. Returns how many groups go, without those that only
  // the backing had when the store was opened.
  uint64_t expire_before(int64_t start_ms);
  // The commit in which windows expired last, 0 where that was before the start.
  uint64_t expired_in() const { return expired_in_; }
  // Destroys at most so many expired groups; true when more are left.
  bool forget_some(size_t max_groups);
  // The first start at which there are windows in [from_ms, to_ms). All starts are known.
  std::optional<int64_t> first_start_in(int64_t from_ms, int64_t to_ms) const;
  // Groups that somebody has read, and nobody else keeps.
  class Loose;
  using VisitSome = std::function<bool(const GroupSlot&)>;
  // A look-up of one key: where it stands. It shows what there is now, or when `scan` began.
  struct KeyWindows {
    std::string_view key;
    int64_t next = INT64_MIN, last = INT64_MAX;  // of the starts that are wanted
    StoreScan* scan = nullptr;
    size_t asked = 0;  // for how many starts
  };
  // The next groups of the key, by window start, until so many starts have been asked for or `visit` gives false,
  // which has had enough; false when there are no more. What `visit` gets holds as long as `loose` does and the
  // store does not change.
  Result<bool> next_windows(KeyWindows& at, size_t max_starts, Loose& loose,
                            const VisitSome& visit);
  // What is left of a look-up is to be shown later, as it is now.
  StoreScanPtr begin_rest(const KeyWindows& at);
  // The groups of one window start, in the order of their keys.
  class InOrder;
  // The next groups of a scan, out of at most `entries` entries, until `visit` gives false, which has had
  // enough; false when it is at its end. What `visit` gets holds as long as `loose` does and the store does
  // not change.
  Result<bool> scan(StoreScan& scan, size_t entries, Loose& loose, const VisitSome& visit);

  bool is_counted() const override { return !is_windowed_; }
  void take_changes(uint32_t store_index, StateChanges& out) override;
  void restore_size(size_t size) override;
  // What the backing has is not looked up: all that a journal holds of a store is put into memory.
  Status restore(const StateEntry& entry, uint64_t commit) override;
  size_t size() const override { return layers_.size(); }
  size_t memory_bytes() const override;
  size_t evict(size_t max_entries) override;
  bool release_some() override;

 private:
  // The windows that begin at one time.
  struct Start {
    explicit Start(size_t slot_size) : groups(slot_size) {}
    SlotPool groups;         // those in memory
    size_t away = 0;         // how many are only in the backing; not counted where it was opened
    bool is_opened = false;  // the backing had some when the store was opened: any may be there
    size_t forgotten = 0;    // places that forget_some() and release_some() are done with
    bool is_whole() const { return away == 0 && !is_opened; }
  };
  using Starts = std::map<int64_t, Start>;
  Start& start_at(int64_t window_start);
  bool is_whole(int64_t window_start);
  GroupSlot* make_slot(std::string_view key, int64_t window_start);
  static uint32_t hash_of(std::string_view key, int64_t window_start);
  GroupSlot* find_in_memory(std::string_view key, int64_t window_start) const {
    return find_in_memory(hash_of(key, window_start), key, window_start);
  }
  GroupSlot* find_in_memory(uint32_t hash, std::string_view key, int64_t window_start) const;
  Result<GroupSlot*> fetch(std::string_view key, int64_t window_start);
  Result<std::optional<std::string_view>> read(std::string_view key, int64_t window_start);
  bool scan_memory(StoreScan& scan, size_t entries, const VisitSome& visit);
  Result<const GroupSlot*> group_at(const KeyWindows& at, Starts::const_reference start,
                                    Loose& loose);
  StorePlace end_of_places() const override;
  void keep_before(GroupSlot& slot);
  void keep_absent(const GroupSlot& slot);
  void destroy_slot(Start& start, GroupSlot* slot);
  std::pair<GroupSlot*, bool> find_or_make(std::string_view key, int64_t window_start);
  void leave(Start& start, GroupSlot* slot);
  Status restore_group(const EntryKey& at, std::string_view value, uint64_t commit);
  void erase(const EntryKey& at);
  void drop_start(Starts::iterator start);
  void count_if_known();
  size_t evict_some(Start& start, size_t max_entries, size_t& evicted);
  static GroupSlot* slot_at(const Start& start, size_t place) {
    return static_cast<GroupSlot*>(start.groups.at(place));
  }
  void encode_key(std::string_view key, int64_t window_start, std::string& out) const;
  Result<EntryKey> decode_key(std::string_view bytes) const;
  void encode(const GroupSlot& slot, std::string& out) const;
  Status decode(GroupSlot& slot, std::string_view bytes) const;
  void init_states(GroupSlot& slot) const;
  void destroy_states(GroupSlot& slot) const;
  void note_size(GroupSlot& slot, size_t encoded_bytes);

  const std::vector<AggregateInstance> instances_;
  const bool is_windowed_;
  const bool has_heap_;          // some state has memory beside its piece of the pool
  std::vector<size_t> offsets_;  // of each call's state in a slot
  HashIndex<GroupSlot> index_;   // of those in memory
  Starts by_start_;
  Starts::iterator last_start_ = by_start_.end();  // of the last group made
  std::optional<int64_t> unknown_from_;            // from here on find_starts() has not looked
  size_t opened_starts_ = 0;                       // of those in by_start_
  std::optional<int64_t> held_start_;  // being read in order: nothing of it leaves memory
  StorePlace hand_;                    // at which evict() goes on
  size_t used_slots_ = 0, key_bytes_ = 0, encoded_bytes_ = 0;  // of all groups
  std::vector<GroupSlot*> changed_;
  size_t changed_bytes_ = 0;
  int64_t expired_before_ = INT64_MIN;
  uint64_t expired_in_ = 0;
  bool expiry_changed_ = false;
  std::string key_scratch_;  // for encoding
};

class AggregateStore::Loose {
 public:
  explicit Loose(const AggregateStore& store) : store_(store) {}
  ~Loose();
  Loose(const Loose&) = delete;
  Loose& operator=(const Loose&) = delete;

 private:
  friend class AggregateStore;
  friend class InOrder;
  struct Group {
    GroupKey::Owner key;
    std::unique_ptr<std::byte[]> memory;
    GroupSlot* slot;
  };
  Result<const GroupSlot*> add(const EntryKey& at, std::string_view value);
  void drop_first(size_t count);

  const AggregateStore& store_;
  std::deque<Group> groups_;
};

}  // namespace engine
