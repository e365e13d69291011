// The states of the groups of an aggregation, by key and window.
#pragma once
#include <absl/container/inlined_vector.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
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
  int64_t window_start = 0;  // 0 without windows
  int64_t timestamp = -1;    // the greatest of all that contributed
  // The number of the round (between two take_changes) that changed it last.
  uint64_t changed_in : 40 = 0;
  uint64_t encoded_bytes : 24 = 0;  // of its states, as last encoded; what is more does not count
  bool emitted : 1 = false;         // some row of this group went downstream
  uint64_t born : 63 = 0;           // the number of groups that were ever made before it
};
static_assert(sizeof(GroupSlot) == 40);  // there are millions of them

// Entries are journalled under (8 bytes window start, big-endian, if windowed) + key bytes, so that
// all windows before a time are one range.
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

  // The group, made when it is not there, and marked as changed.
  GroupSlot& touch(std::string_view key, int64_t window_start = 0);
  // nullptr when there is none.
  const GroupSlot* find(std::string_view key, int64_t window_start = 0) const;
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
  // Groups of one key, by window start; or all, in no particular order.
  void for_each_window(std::string_view key,
                       const std::function<void(const GroupSlot&)>& visit) const;
  void for_each(const std::function<void(const GroupSlot&)>& visit) const;
  // The next groups of a scan, in no particular order, out of at most `places` places; false when
  // it is at its end.
  bool scan(StoreCursor& cursor, size_t places,
            const std::function<void(const GroupSlot&)>& visit) const;

  void take_changes(uint32_t store_index, StateChanges& out) override;
  Status restore(const StateEntry& entry) override;
  size_t size() const override { return group_count_; }
  size_t memory_bytes() const override;
  bool release_some() override;

 private:
  struct Window {
    int64_t start;
    GroupSlot* slot;
  };
  using Windows = absl::InlinedVector<Window, 1>;  // by start

  GroupSlot* make_slot(const std::string& key, int64_t window_start);
  Groups& groups_at(int64_t window_start);
  void destroy_slot(GroupSlot* slot);
  GroupSlot& find_or_make(std::string_view key, int64_t window_start);
  void erase(std::string_view key, int64_t window_start);
  void forget(GroupSlot* slot);
  void encode_key(const GroupSlot& slot, std::string& out) const;
  void encode(const GroupSlot& slot, std::string& out);
  Status decode(GroupSlot& slot, std::string_view bytes);
  void note_size(GroupSlot& slot, size_t encoded_bytes);

  const std::vector<AggregateInstance> instances_;
  const bool is_windowed_;
  const bool has_heap_;          // some state has memory beside its piece of the pool
  std::vector<size_t> offsets_;  // of each call's state in a slot
  SlotPool pool_;
  KeyMap<Windows> groups_;
  std::map<int64_t, Groups> by_start_;
  std::map<int64_t, Groups>::iterator last_start_ = by_start_.end();  // of the last group made
  size_t group_count_ = 0;
  size_t encoded_bytes_ = 0;  // of all groups
  size_t released_ = 0;       // places of the pool that release_some() is done with
  uint64_t born_ = 0;
  uint64_t round_ = 1;
  std::vector<GroupSlot*> changed_;
  int64_t expired_before_ = INT64_MIN;
  bool expiry_changed_ = false;
  std::string key_scratch_, value_scratch_, state_scratch_;  // for encoding
};

}  // namespace engine
