// The windows that begin at one time, in the order of their keys.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/state/aggregate_store.h"
#include "engine/state/sliced_sort.h"

namespace engine {

// Where only some are in memory, those of the backing are read as they come, so that there may be more of them
// than fit there. While it is there, no group of its start is made or changed, nor leaves memory.
//
// Threads: the task's. Owner: the aggregate operator, while it writes final results.
class AggregateStore::InOrder {
 public:
  // All starts are known.
  InOrder(AggregateStore& store, int64_t start);
  ~InOrder() { store_.held_start_.reset(); }
  InOrder(const InOrder&) = delete;
  InOrder& operator=(const InOrder&) = delete;

  // The next groups, not more than `max`; none at the end, or where there was only something to be prepared. They
  // hold until the next call.
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
  const SlotPool* pool_ = nullptr;  // null: there are none
  size_t gathered_ = 0;             // places of the pool
  SlicedSort<const GroupSlot*, ByKey> in_memory_;
  const GroupSlot* head_ = nullptr;  // taken out of it
  std::string first_key_;
  std::optional<std::string> place_;  // of the backing, until it is at its end
  // What was read and is not in memory. Those before admitted_ are in their order, and come before all that
  // was not read yet.
  Loose loose_;
  std::vector<const GroupSlot*> read_;
  size_t next_ = 0, admitted_ = 0;
  bool is_at_end_ = false;
};

}  // namespace engine
