// What one task has changed up to a commit, on its way into a checkpoint.
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

// The newest change of each key, and no other, in the order of the keys: as bytes, as they lay in the journal.
//
//   add() the changes of entry after entry -> freeze() -> next_part() after part, until is_finished()
//
// Threads: one at a time.
class FrozenChanges : public std::enable_shared_from_this<FrozenChanges> {
 public:
  explicit FrozenChanges(std::string task) : task_(std::move(task)) {}

  // The changes of the next journal entry (engine::StateChanges), which stay where they are until freeze().
  // Fails with CorruptRecord; then it is of no use any more.
  Status add(std::string_view changes);
  // Copies what counts of them: all up to the commit `position`, after which the task stands where `scalars` say.
  void freeze(TaskSequence position, std::string scalars);

  const std::string& task() const { return task_; }
  // What it takes, or would if it were frozen now.
  size_t size_bytes() const { return newest_.size() + scalars_.size() + found_bytes_; }

  // The next part: ranges first, then entries in key order, and with the last of them the position.
  // It shares what it is made of. The same again until it is said to be stored.
  storage::Checkpoint next_part();
  void part_is_stored() {
    next_ = sent_to_;
    ranges_are_stored_ = true;
    is_finished_ = last_is_sent_;
  }
  bool is_finished() const { return is_finished_; }

 private:
  // The newest change of a key. Views of the journal.
  struct Change {
    std::string_view key, bytes;  // the bytes are all of the entry
    uint32_t store;
  };
  // A store and a key in it.
  using Key = std::pair<uint32_t, std::string_view>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.second) + key.first;
    }
  };

  const std::string task_;
  // Until it is frozen.
  std::vector<Change> found_;
  absl::flat_hash_map<Key, uint32_t, KeyHash> places_;  // in found_
  size_t found_bytes_ = 0;                              // of both, and of what they show

  TaskSequence position_{0};
  std::string scalars_;
  bool ranges_are_stored_ = false, last_is_sent_ = false, is_finished_ = false;
  std::vector<std::string> store_names_, removed_below_;  // the greatest DeleteBelow; empty: none
  std::string newest_;                                    // by store and key; Put and Delete alone
  size_t next_ = 0, sent_to_ = 0;  // in it: what comes next; where the part on its way ends
};

// Stores are numbered in plans, and named in the state store.
std::string store_name(uint32_t store);
// UINT32_MAX when it is not the name of a store.
uint32_t store_number(std::string_view name);

}  // namespace server
