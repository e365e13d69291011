// The body of a request while it arrives.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/free_memory.h"
#include "base/memory_budget.h"

namespace server::http {

// Invariant: the memory is charged to the connection's account.
// Threads: one. Owner: the connection.
class RequestBody {
 public:
  explicit RequestBody(MemoryAccount* account) : charge_(account, MemoryKind::Connections) {}

  // Reserves memory for `more` bytes; returns false if no memory is available now.
  bool make_room(size_t more) {
    const size_t needed = text_.size() + more;
    if (needed <= text_.capacity()) return true;
    const size_t capacity = std::max(needed, 2 * text_.capacity());
    for (const size_t wanted : {capacity, needed}) {
      if (!charge_.try_resize(wanted)) continue;
      text_.reserve(wanted);
      return true;
    }
    return false;
  }
  // Appends bytes. This never fails: the bytes of one read are already in memory, so they are taken
  // without a check.
  void append(std::string_view bytes) {
    text_ += bytes;
    charge_.resize(text_.capacity());
  }
  size_t size() const { return text_.size(); }
  std::string take() { return std::exchange(text_, {}); }
  // Releases the memory of a body that was taken.
  void clear() {
    free_memory(text_);
    charge_.resize(0);
  }

 private:
  std::string text_;
  MemoryCharge charge_;
};

}  // namespace server::http
