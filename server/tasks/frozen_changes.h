// What one task has changed up to a commit, on its way into a checkpoint.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "storage/state/state_store.h"

namespace server {

// The bytes of journal entries, of which the newest change of each key counts: which that is, is found out
// when the first part is asked for.
//
// Threads: one at a time.
class FrozenChanges : public std::enable_shared_from_this<FrozenChanges> {
 public:
  FrozenChanges(std::string task, std::vector<std::string> changes, TaskSequence position,
                std::string scalars)
      : task_(std::move(task)),
        changes_(std::move(changes)),
        position_(position),
        scalars_(std::move(scalars)) {}

  const std::string& task() const { return task_; }

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
  // The newest change of a key.
  struct Change {
    std::string_view key, value;
    uint32_t store;
    bool is_put;
  };
  void sort();
  void find_newest();

  const std::string task_;
  const std::vector<std::string>
      changes_;  // as in the journal, in its order (engine::StateChanges)
  const TaskSequence position_;
  const std::string scalars_;
  bool is_sorted_ = false, ranges_are_stored_ = false, last_is_sent_ = false, is_finished_ = false;
  std::vector<std::string> store_names_, removed_below_;  // the greatest DeleteBelow; empty: none
  std::vector<Change> in_order_;                          // by store and key; views of changes_
  size_t next_ = 0, sent_to_ = 0;  // what comes next; where the part on its way ends
};

// Stores are numbered in plans, and named in the state store.
std::string store_name(uint32_t store);
// UINT32_MAX when it is not the name of a store.
uint32_t store_number(std::string_view name);

}  // namespace server
