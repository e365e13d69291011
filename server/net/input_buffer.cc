#include "server/net/input_buffer.h"

#include <algorithm>
#include <utility>

#include "server/net/connection.h"

namespace server {

namespace {

// The capacity that an idle connection may keep after a large message.
constexpr size_t kKeptCapacity = 64 * 1024;
constexpr size_t kFastGrowth = 1 << 20;
constexpr size_t kRead = Connection::kReadSizeBytes;

}  // namespace

void InputBuffer::forget_consumed() {
  // Messages arrive in groups, so the unread bytes are moved only when more than half of the buffer
  // is processed.
  if (begin_ <= buffer_.size() / 2) return;
  buffer_.erase(0, begin_);
  begin_ = 0;
  if (buffer_.capacity() > kKeptCapacity && buffer_.size() < kKeptCapacity) move_to(buffer_.size());
}

// Moves the bytes into a new string of exactly this capacity, because a string that grows at least
// doubles its capacity.
void InputBuffer::move_to(size_t capacity) {
  std::string moved;
  moved.reserve(capacity);
  moved.append(buffer_, begin_);
  begin_ = 0;
  buffer_.swap(moved);  // swap() is used, because an assignment would keep the old capacity
  charge_.resize(buffer_.capacity());
}

void InputBuffer::append(std::string_view bytes) {
  forget_consumed();
  const size_t needed = buffer_.size() + bytes.size();
  // The memory is charged even if the budget is exhausted: the bytes have already been read, and
  // one read limits their number.
  if (needed > buffer_.capacity()) move_to(needed - begin_ + std::min(needed, kRead));
  buffer_ += bytes;
  charge_.resize(buffer_.capacity());
}

bool InputBuffer::make_room(size_t whole) {
  forget_consumed();
  const size_t size = unread().size();
  // A small message arrives in one read, and append() allocates the memory for this read. Nothing
  // is reserved in advance, because most connections are idle most of the time and must not hold
  // memory.
  if (whole <= std::max(size, kRead)) return true;
  // The read that completes the message may contain the beginning of the next one.
  const size_t full = whole + kRead;
  if (buffer_.capacity() - buffer_.size() >= std::min(full - size, kRead)) return true;
  // The capacity grows by a factor of four, later of two, so that a message is seldom moved. If
  // little memory is left, the capacity grows in smaller steps.
  for (const size_t step : {size <= kFastGrowth ? 3 * size : size, size / 8}) {
    const size_t capacity = std::min(full, size + std::max(step, kRead));
    if (!charge_.try_resize(capacity)) continue;
    move_to(capacity);
    return true;
  }
  return false;
}

}  // namespace server
