// The changes of one task up to a certain commit, in the form in which a checkpoint writes them.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/state/state_store.h"

namespace server {

// Collects the newest change of each key and returns them in key order, in the journal's encoding.
//
//  add() the changes of each entry -> freeze() -> next_part() repeatedly, until is_finished()
//
// Threads: one at a time.
class FrozenChanges : public std::enable_shared_from_this<FrozenChanges> {
 public:
  explicit FrozenChanges(std::string task) : task_(std::move(task)) {}

  // Adds the changes of the next journal entry (engine::StateChanges). The bytes must stay valid
  // until freeze(). Fails with CorruptRecord; the object cannot be used afterwards.
  Status add(std::string_view changes);
  // Copies the newest change of each key. `position` is the last commit whose entry was added;
  // `scalars` is the encoded position of the task after this commit.
  void freeze(TaskSequence position, std::string scalars);

  const std::string& task() const { return task_; }
  // Returns the memory of the changes. Before freeze() it is an estimate of the memory that
  // freeze() would need now.
  size_t size_bytes() const { return newest_.size() + scalars_.size() + found_bytes_; }

  // Returns the next part of the changes as a checkpoint. The first part has the removed ranges,
  // all parts have entries in key order, and the last part has the position. A part refers to
  // memory of this object. next_part() returns the same part again until part_is_stored() is
  // called.
  storage::Checkpoint next_part();
  void part_is_stored() {
    next_ = sent_to_;
    ranges_are_stored_ = true;
    is_finished_ = last_is_sent_;
  }
  bool is_finished() const { return is_finished_; }

 private:
  // The newest change of a key. The views point into the journal.
  struct Change {
    std::string_view key, bytes;  // `bytes` is the whole encoded change
    uint32_t store;
  };
  // A key together with the number of its store.
  using Key = std::pair<uint32_t, std::string_view>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.second) + key.first;
    }
  };

  const std::string task_;
  // Used until freeze().
  std::vector<Change> found_;
  absl::flat_hash_map<Key, uint32_t, KeyHash> places_;  // indexes of found_
  size_t found_bytes_ = 0;  // size of found_, places_ and the bytes to which the views point

  TaskSequence position_{0};
  std::string scalars_;
  bool ranges_are_stored_ = false, last_is_sent_ = false, is_finished_ = false;
  // For each store, the end of the removed range of keys, which begins at the first key.
  std::vector<std::string> store_names_, removed_below_;
  std::string newest_;  // the changes in the order of store and key; only Put and Delete
  // Offsets in newest_: the start of the next part, and the end of the part that was returned last.
  size_t next_ = 0, sent_to_ = 0;
};

// Returns the name that a store has in the state store. `store` is the store's number in the plan.
std::string store_name(uint32_t store);
// Returns the number of the store with this name; UINT32_MAX if the name is not a result of
// store_name().
uint32_t store_number(std::string_view name);

}  // namespace server
