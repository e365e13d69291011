// The states of the groups of an aggregation, by key and window.
#pragma once
#include <absl/container/inlined_vector.h>

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
#include "engine/state/key_map.h"
#include "engine/state/slot_pool.h"
#include "engine/state/store.h"

namespace engine {

// One group: this head, then the states of all aggregates, one behind the other
// (AggregateStore::state).
struct GroupSlot {
  // The map's; stable as long as the group is in it. Null: forgotten, and about to be destroyed.
  const std::string* key = nullptr;
  int64_t window_start = 0;         // 0 without windows
  int64_t timestamp = -1;           // the greatest of all that contributed
  uint64_t changed_in : 40 = 0;     // the commit; 0: as a checkpoint has it
  uint64_t encoded_bytes : 24 = 0;  // of its states, as last encoded; what is more does not count
  uint64_t born_in : 40 = 0;        // see Layers::evict()
  bool emitted : 1 = false;         // some row of this group went downstream
  bool is_used : 1 = false;         // since evict() looked at it
};
static_assert(sizeof(GroupSlot) == 40);  // there are millions of them

// Entries are journalled under (8 bytes window start, big-endian, if windowed) + key bytes, so that
// all windows before a time are one range. Windows are all in memory; groups without them may leave it.
//
// Invariants:
//   1. a group is in groups_ and, if windowed, in by_start_ under its window's start; one that is
//      forgotten is in by_start_ alone, until it is destroyed;
//   2. no group that begins before expired_before_ is changed any more;
//   3. states are initialised; pieces of the pool that are no groups have no key.
//
// Threads: belongs to one task.
// Owner:   the aggregate operator.
class AggregateStore final : public Store {
 public:
  AggregateStore(std::vector<AggregateInstance> instances, bool is_windowed);
  ~AggregateStore() override;
  AggregateStore(const AggregateStore&) = delete;
  AggregateStore& operator=(const AggregateStore&) = delete;

  // The group, made when it is not there, and marked as changed. Holds until the step ends.
  Result<GroupSlot*> touch(std::string_view key, int64_t window_start = 0);
  // Brings what touch() of these keys and their newest windows will look at into the processor's caches.
  void prefetch(std::span<const std::string_view> keys) const;
  static constexpr size_t kPrefetchedAtOnce = KeyMap<int>::kPrefetchedAtOnce;
  // nullptr when there is none. Holds until the step ends.
  Result<const GroupSlot*> find(std::string_view key, int64_t window_start = 0);
  void* state(GroupSlot& slot, size_t call) const {
    return reinterpret_cast<char*>(&slot) + offsets_[call];
  }
  const void* state(const GroupSlot& slot, size_t call) const {
    return reinterpret_cast<const char*>(&slot) + offsets_[call];
  }
  const std::vector<AggregateInstance>& instances() const { return instances_; }

  // All windows that start before `start_ms` are gone: so says the journal from now on. Their memory
  // is given back by forget_some(), and until then for_each() may show some of them.
  void expire_before(int64_t start_ms);
  // Destroys at most so many expired groups; true when more are left.
  bool forget_some(size_t max_groups);
  // The first start at which there are windows in [from_ms, to_ms).
  std::optional<int64_t> first_start_in(int64_t from_ms, int64_t to_ms) const;
  // The groups whose window starts there, in no particular order.
  using Groups = std::deque<GroupSlot*>;  // grows without being moved: it may hold millions
  const Groups& windows_at(int64_t start_ms) const;
  using Visit = std::function<void(const GroupSlot&)>;
  // Groups of one key, by window start.
  Status for_each_window(std::string_view key, const Visit& visit);
  // Of a store that is in memory as a whole, in no particular order.
  void for_each(const Visit& visit) const;
  // Groups that a scan has read, and nobody else keeps.
  class Loose;
  // The next groups of a scan, out of at most `entries` entries; false when it is at its end. What `visit`
  // gets holds as long as `loose` does and the store does not change.
  Result<bool> scan(StoreCursor& cursor, size_t entries, Loose& loose, const Visit& visit);

  bool is_layered() const override { return !is_windowed_; }
  void take_changes(uint32_t store_index, StateChanges& out) override;
  Status restore(const StateEntry& entry, uint64_t commit) override;
  size_t size() const override { return layers_.size(); }
  size_t memory_bytes() const override;
  size_t evict(size_t max_entries) override;
  bool release_some() override;

 private:
  struct Window {
    int64_t start;
    GroupSlot* slot;
  };
  using Windows = absl::InlinedVector<Window, 1>;  // by start

  GroupSlot* make_slot(const std::string& key, int64_t window_start);
  Result<GroupSlot*> fetch(std::string_view key);
  bool scan_memory(StoreCursor& cursor, size_t entries, const Visit& visit) const;
  Groups& groups_at(int64_t window_start);
  void destroy_slot(GroupSlot* slot);
  std::pair<GroupSlot*, bool> find_or_make(std::string_view key, int64_t window_start);
  void leave(GroupSlot* slot);
  Status restore_group(std::string_view key, int64_t window_start, std::string_view value,
                       uint64_t commit);
  void erase(std::string_view key, int64_t window_start);
  void forget(GroupSlot* slot);
  void encode_key(const GroupSlot& slot, std::string& out) const;
  void encode(const GroupSlot& slot, std::string& out);
  Status decode(GroupSlot& slot, std::string_view bytes) const;
  void init_states(GroupSlot& slot) const;
  void destroy_states(GroupSlot& slot) const;
  void note_size(GroupSlot& slot, size_t encoded_bytes);

  const std::vector<AggregateInstance> instances_;
  const bool is_windowed_;
  const bool has_heap_;          // some state has memory beside its piece of the pool
  std::vector<size_t> offsets_;  // of each call's state in a slot
  SlotPool pool_;
  KeyMap<Windows> groups_;
  std::map<int64_t, Groups> by_start_;
  std::map<int64_t, Groups>::iterator last_start_ = by_start_.end();  // of the last group made
  size_t encoded_bytes_ = 0;                                          // of all groups
  size_t released_ = 0;  // places of the pool that release_some() is done with
  std::vector<GroupSlot*> changed_;
  int64_t expired_before_ = INT64_MIN;
  bool expiry_changed_ = false;
  std::string key_scratch_, value_scratch_, state_scratch_;  // for encoding
};

class AggregateStore::Loose {
 public:
  explicit Loose(const AggregateStore& store) : store_(store) {}
  ~Loose();
  Loose(const Loose&) = delete;
  Loose& operator=(const Loose&) = delete;

 private:
  friend class AggregateStore;
  struct Group {
    std::string key;
    std::unique_ptr<std::byte[]> memory;
    GroupSlot* slot;
  };
  Result<const GroupSlot*> add(std::string_view key, std::string_view value);

  const AggregateStore& store_;
  std::deque<Group> groups_;
};

}  // namespace engine
