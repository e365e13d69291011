// What a connection has received and nobody has read yet.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/memory_budget.h"

namespace server {

// Invariant: memory grows with what has arrived, not with what a message says of its length, and is
//            charged to the connection's account.
// Threads:   one. Owner: the session.
class InputBuffer {
 public:
  explicit InputBuffer(MemoryAccount* account) : charge_(account, MemoryKind::Connections) {}

  // Everything that points into unread() is void afterwards.
  void append(std::string_view bytes);
  std::string_view unread() const { return std::string_view(buffer_).substr(begin_); }
  // The first `size` bytes are read; they stay where they are until one of the calls below or
  // append().
  void consume(size_t size) { begin_ += size; }

  // Between two turns: what was read is given back if it was large.
  void tidy() { forget_consumed(); }

  // Makes room for what can come in one read of a message that has `whole` bytes, all told. False
  // when there is no memory for it now: then the rest has to wait in the socket. Voids unread() as
  // append() does.
  bool make_room(size_t whole);

 private:
  void forget_consumed();
  void move_to(size_t capacity);

  std::string buffer_;
  size_t begin_ = 0;  // what is before it was read
  MemoryCharge charge_;
};

}  // namespace server
