// Stores the states of the groups of an aggregation, by key and window.
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

// A group in memory: this header, followed by the states of all aggregates in order
// (AggregateStore::state).
struct GroupSlot {
  // The slot owns its key. Null if the slot is free (SlotPool::give_back).
  const GroupKey* key = nullptr;
  int64_t window_start = 0;             // 0 if the aggregation has no windows
  int64_t timestamp = -1;               // greatest time of the group's records
  uint64_t changed_in : 40 = 0;         // commit of the last change; 0: none
  uint64_t low_encoded_bytes : 24 = 0;  // lower bits of encoded_bytes()
  // commit in which the entry was created; see Layers::evict()
  uint64_t born_in : 40 = 0;
  uint64_t high_encoded_bytes : 16 = 0;
  bool emitted : 1 = false;  // a row of this group was emitted
  bool is_used : 1 = false;  // the group was used since evict() last visited it

  // Returns the size of the states when they were last encoded.
  size_t encoded_bytes() const { return size_t{high_encoded_bytes} << 24 | low_encoded_bytes; }
  void set_encoded_bytes(uint64_t bytes) {
    low_encoded_bytes = bytes & 0xFF'FFFF;
    high_encoded_bytes = bytes >> 24 & 0xFFFF;
  }
};
static_assert(sizeof(GroupSlot) == 40);  // millions of slots may exist

// The groups of one aggregation, by key and window start. In the journal and in the checkpoint, the
// key of a group is the window start (8 bytes, big-endian, only with windows), followed by the key
// bytes. So all windows before a time are one range, the groups of one window start are in key
// order, and groups that change at the same time are stored next to each other.
//
// Invariants:
//   1. a group in memory is in index_, and its slot is in the pool of its window start (without windows, the only
//      start is 0);
//   2. a group whose window starts before expired_before_ is never changed again;
//   3. the states of a group are initialised;
//   4. once knows_starts() is true, by_start_ has every unexpired window start of the checkpoint.
//
// Threads: belongs to one task.
// Owner:   the aggregate operator.
class AggregateStore final : public Store {
 public:
  AggregateStore(std::vector<AggregateInstance> instances, bool is_windowed);
  ~AggregateStore() override;
  AggregateStore(const AggregateStore&) = delete;
  AggregateStore& operator=(const AggregateStore&) = delete;

  // Size limit of a group. A larger group is no longer changed, because each change would write the
  // whole group again, which blocks the loop for a tenth of a second. Results of this size are
  // refused anyway (kMaxValueBytes).
  static constexpr size_t kMaxGroupBytes = size_t{64} << 20;
  // Returns the group and marks it as changed; creates the group if it does not exist. Returns null if the group
  // exceeds kMaxGroupBytes. The pointer is valid until the step ends.
  Result<GroupSlot*> touch(std::string_view key, int64_t window_start = 0);
  // A key and the start of its window; the start is 0 without windows.
  struct EntryKey {
    int64_t window_start = 0;
    std::string_view key;
  };
  // Prefetches the slots of these keys into the CPU caches before touch() reads them.
  void prefetch(std::span<const EntryKey> keys) const;
  static constexpr size_t kPrefetchedAtOnce = HashIndex<GroupSlot>::kPrefetchedAtOnce;
  // Returns the group; nullptr if it does not exist. The pointer is valid until the step ends.
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
  // Returns whether states use memory outside their slot, so that groups have no fixed size.
  bool has_heap() const { return has_heap_; }
  // Returns the encoded size of all groups that have changed since the last commit. Each group
  // counts with its size before its first change.
  size_t changed_bytes() const { return changed_bytes_; }

  // Reads at most `max_starts` further window starts from the checkpoint, which may have many thousands.
  // Returns true when all starts are known. A store without a Backing knows all of its starts.
  Result<bool> find_starts(size_t max_starts = SIZE_MAX);
  bool knows_starts() const { return !unknown_from_; }
  // Expires all windows that start before `start_ms`, also in the journal. forget_some() frees
  // their memory later; until then scans may still show some of them. Requires knows_starts().
  // Returns the number of expired groups. Groups that were only in the checkpoint when the store was
  // opened are not counted.
  uint64_t expire_before(int64_t start_ms);
  // Returns the last commit in which windows expired; 0 if none have expired since the task
  // started.
  uint64_t expired_in() const { return expired_in_; }
  // Destroys at most `max_groups` expired groups. Returns true if more are left.
  bool forget_some(size_t max_groups);
  // Returns the first window start in [from_ms, to_ms); nullopt if none exists. Requires knows_starts().
  std::optional<int64_t> first_start_in(int64_t from_ms, int64_t to_ms) const;
  // Groups that were read from the checkpoint for one reader. They are not a part of the store.
  class Loose;
  using VisitSome = std::function<bool(const GroupSlot&)>;
  // The progress of a look-up of all windows of one key. If `scan` is set, the look-up shows the windows as they were
  // when this scan began; otherwise it shows their current state.
  struct KeyWindows {
    std::string_view key;
    int64_t next = INT64_MIN, last = INT64_MAX;  // window starts to visit, both inclusive
    StoreScan* scan = nullptr;
    size_t asked = 0;  // number of starts looked up so far
  };
  // Visits the next groups of the key, ordered by window start, until `max_starts` starts have been looked up or
  // `visit` returns false. Returns false at the end. The visited groups are valid as long as `loose` lives and the
  // store does not change.
  Result<bool> next_windows(KeyWindows& at, size_t max_starts, Loose& loose,
                            const VisitSome& visit);
  // Begins a scan for the rest of a look-up, so that its further steps show the state of this
  // moment.
  StoreScanPtr begin_rest(const KeyWindows& at);
  // Iterates over the groups of one window start in key order (groups_in_order.h).
  class InOrder;
  // Visits the next groups of a scan until `visit` returns false or `entries` entries have been looked at. Returns
  // false at the end of the scan. The visited groups are valid as long as `loose` lives and the store does not
  // change.
  Result<bool> scan(StoreScan& scan, size_t entries, Loose& loose, const VisitSome& visit);

  bool is_counted() const override { return !is_windowed_; }
  void take_changes(uint32_t store_index, StateChanges& out) override;
  void restore_size(size_t size) override;
  // Restores an entry of the journal into memory, without reading the checkpoint. When all entries of the
  // journal have been restored, an entry that is not in memory has its current value in the checkpoint.
  Status restore(const StateEntry& entry, uint64_t commit) override;
  size_t size() const override { return layers_.size(); }
  size_t memory_bytes() const override;
  size_t evict(size_t max_entries) override;
  bool release_some() override;

 private:
  // The groups of all windows that begin at one time.
  struct Start {
    explicit Start(size_t slot_size) : groups(slot_size) {}
    SlotPool groups;  // the groups in memory
    // number of groups that are only in the checkpoint; unknown if is_opened is set
    size_t away = 0;
    bool is_opened = false;  // some of these groups were only on disk when the store was opened
    size_t forgotten = 0;    // slots already freed by forget_some() or release_some()
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
  const bool has_heap_;          // a state has memory outside its slot
  std::vector<size_t> offsets_;  // offsets of the states in a slot, then the slot's size
  HashIndex<GroupSlot> index_;   // the groups in memory
  Starts by_start_;
  Starts::iterator last_start_ = by_start_.end();  // start of the group that was made last
  std::optional<int64_t> unknown_from_;            // find_starts() continues at this window start
  size_t opened_starts_ = 0;                       // number of starts in by_start_ with is_opened
  // window start that InOrder reads; groups with this start are not evicted
  std::optional<int64_t> held_start_;
  StorePlace hand_;                                            // where evict() continues
  size_t used_slots_ = 0, key_bytes_ = 0, encoded_bytes_ = 0;  // totals of all groups in memory
  std::vector<GroupSlot*> changed_;
  size_t changed_bytes_ = 0;
  int64_t expired_before_ = INT64_MIN;
  uint64_t expired_in_ = 0;
  bool expiry_changed_ = false;
  std::string key_scratch_;  // buffer for encoded keys
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
