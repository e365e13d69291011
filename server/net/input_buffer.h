// The received bytes of a connection that are not processed yet.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/memory_budget.h"

namespace server {

// Invariant: memory grows with the received bytes, not with the length that a message announces,
//            and is charged to the connection's account.
// Threads:   one. Owner: the session.
class InputBuffer {
 public:
  explicit InputBuffer(MemoryAccount* account) : charge_(account, MemoryKind::Connections) {}

  // Invalidates all pointers into unread().
  void append(std::string_view bytes);
  std::string_view unread() const { return std::string_view(buffer_).substr(begin_); }
  // Marks the first `size` bytes as processed; they stay valid until one of the calls below or
  // append().
  void consume(size_t size) { begin_ += size; }

  // Call between two turns: frees processed bytes if they were many.
  void tidy() { forget_consumed(); }

  // Makes room for the next read of a message of `whole` bytes. Returns false if no memory is
  // available now: the rest has to wait in the socket. Invalidates unread() like append().
  bool make_room(size_t whole);

 private:
  void forget_consumed();
  void move_to(size_t capacity);

  std::string buffer_;
  size_t begin_ = 0;  // bytes before it are processed
  MemoryCharge charge_;
};

}  // namespace server
