// Memory of the groups of a loop, so that clients cannot fill it with groups.
#pragma once
#include <cstddef>
#include <optional>

#include "base/memory_budget.h"

namespace server::coordinator {

// Threads: one loop's. Owner: the loop's coordinator; outlives the groups.
class StateSize {
 public:
  StateSize() = default;  // without a limit
  explicit StateSize(MemoryBudget& budget) : charge_(std::in_place, budget, MemoryKind::Queries) {}

  // False if the memory budget does not allow this many more bytes.
  bool try_grow(size_t bytes) {
    if (charge_ && !charge_->try_resize(bytes_ + bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  // For state that exists already: it was replayed, or replaces other state.
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
