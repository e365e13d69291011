// Reads the windows that begin at one time in the order of their keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/state/aggregate_store.h"
#include "engine/state/sliced_sort.h"

namespace engine {

// Iterates over the groups of one window start in key order. Groups that are only in the checkpoint
// are read during the iteration, so they need not all fit into memory. While the object exists, no
// group of this start may be created, changed or evicted.
//
// Threads: the task's. Owner: the aggregate operator, while it writes final results.
class AggregateStore::InOrder {
 public:
  // Precondition: knows_starts().
  InOrder(AggregateStore& store, int64_t start);
  ~InOrder() { store_.held_start_.reset(); }
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  // Returns the next groups, at most `max`. An empty result does not mean the end (see
  // is_at_end()), because a call may only prepare the next groups. The groups are valid until the
  // next call.
  Result<std::vector<const GroupSlot*>> next(size_t max);
  bool is_at_end() const { return is_at_end_; }

 private:
  struct ByKey {
    bool operator()(const GroupSlot* a, const GroupSlot* b) const {
      return a->key->view() < b->key->view();
    }
  };
  bool prepare();
  Status read_some();
  void admit(std::string_view last);

  AggregateStore& store_;
  const int64_t start_;
  const SlotPool* pool_ = nullptr;  // null: this start has no groups
  size_t gathered_ = 0;             // number of slots of the pool that were visited
  SlicedSort<const GroupSlot*, ByKey> in_memory_;
  const GroupSlot* head_ = nullptr;  // the next group of in_memory_
  std::string first_key_;
  // where the scan of the checkpoint continues; nullopt at its end
  std::optional<std::string> place_;
  // Groups that were read from the checkpoint and are not in memory. The first admitted_ of them are
  // sorted, and come before all groups that have not been read yet.
  Loose loose_;
  std::vector<const GroupSlot*> read_;
  size_t next_ = 0, admitted_ = 0;
  bool is_at_end_ = false;
};

}  // namespace engine
