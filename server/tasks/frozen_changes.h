// What one task has changed up to a commit, on its way into a checkpoint.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/state/state_store.h"

namespace server {

// The newest change of each key, and no other, in the order of the keys: as bytes, as they lay in the journal.
//
// Threads: one at a time.
class FrozenChanges : public std::enable_shared_from_this<FrozenChanges> {
 public:
  FrozenChanges(std::string task, TaskSequence position, std::string scalars)
      : task_(std::move(task)), position_(position), scalars_(std::move(scalars)) {}

  // Of the changes of journal entries (engine::StateChanges), in the journal's order. What counts of them is
  // copied. Fails with CorruptRecord; once.
  Status take_newest(std::span<const std::string_view> changes);

  const std::string& task() const { return task_; }
  size_t size_bytes() const { return newest_.size() + scalars_.size(); }

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
  struct Change;
  Result<std::vector<Change>> find_newest(std::span<const std::string_view> changes);

  const std::string task_;
  const TaskSequence position_;
  const std::string scalars_;
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
