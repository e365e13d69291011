// Holds the received bytes of a connection that are not processed yet.
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

  // Adds received bytes. Invalidates all pointers into unread().
  void append(std::string_view bytes);
  std::string_view unread() const { return std::string_view(buffer_).substr(begin_); }
  // Marks the first `size` unread bytes as processed. They stay valid until append(), tidy() or
  // make_room() is called.
  void consume(size_t size) { begin_ += size; }

  // Frees the memory of processed bytes if it is large. Called between two runs of the session.
  void tidy() { forget_consumed(); }

  // Reserves memory for the next read of a message of `whole` bytes. Returns false if no memory is
  // available now. The rest of the message then has to wait in the socket. Invalidates pointers
  // into unread(), like append().
  bool make_room(size_t whole);

 private:
  void forget_consumed();
  void move_to(size_t capacity);

  std::string buffer_;
  size_t begin_ = 0;  // the bytes before this position are processed
  MemoryCharge charge_;
};

}  // namespace server
