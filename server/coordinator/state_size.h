// Counts the memory of the state that the coordinators of one loop keep, and refuses more state
// when the memory budget is used up. Clients therefore cannot fill the memory with groups or
// transactions.
#pragma once
#include <cstddef>
#include <optional>

#include "base/memory_budget.h"

namespace server::coordinator {

// Threads: one loop. Owner: the loop's coordinator; outlives the groups.
class StateSize {
 public:
  StateSize() = default;  // without a limit
  explicit StateSize(MemoryBudget& budget) : charge_(std::in_place, budget, MemoryKind::Queries) {}

  // Adds bytes to the size. Returns false, and adds nothing, if the memory budget does not allow
  // them.
  bool try_grow(size_t bytes) {
    if (charge_ && !charge_->try_resize(bytes_ + bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  // Adds bytes to the size even if the budget is exceeded. Used for replayed state, which exists
  // already, and for state that replaces other state.
  void grow(size_t bytes) {
    bytes_ += bytes;
    if (charge_) charge_->resize(bytes_);
  }
  void shrink(size_t bytes) {
    bytes_ -= bytes;
    if (charge_) charge_->resize(bytes_);
  }
  size_t bytes() const { return bytes_; }

 private:
  std::optional<OwnedCharge> charge_;
  size_t bytes_ = 0;
};

}  // namespace server::coordinator
