// Cuts a connection's bytes into frames: an i32 size, then as many bytes.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "server/net/input_buffer.h"

namespace server::kafka {

// Kafka's own limit (socket.request.max.bytes); clients do not send more by default.
inline constexpr size_t kMaxFrameSize = 100 << 20;

// Holds at most one frame and the bytes that arrived with its end. Memory grows with the bytes that
// have arrived, not with the size that a frame announces.
//
// Threads: one. Owner: the connection.
class FrameReader {
 public:
  explicit FrameReader(size_t max_frame_size = kMaxFrameSize, MemoryAccount* memory = nullptr)
      : max_frame_size_(max_frame_size), input_(memory) {}

  void receive(std::string_view bytes);

  // Returns the next whole frame without its size, or nothing if more bytes are needed. The view is
  // valid until the next call of a method. Fails with ProtocolViolation when the size is negative
  // or above the limit: the following bytes cannot be interpreted, so the connection has to end.
  Result<std::optional<std::string_view>> next();
  // The bytes that have arrived and are in no returned frame.
  std::string_view unread() const { return input_.unread().substr(given_); }
  void skip(size_t bytes);  // skips unread() bytes
  // Releases the memory of returned frames.
  void tidy();
  // Reserves room for the rest of the frame, whose size is awaited_bytes(). Called after next() has
  // returned nothing. Returns false if no memory is available.
  bool make_room();
  size_t awaited_bytes() const { return awaited_; }

  // Bytes that belong to no returned frame.
  size_t buffered_bytes() const { return input_.unread().size() - given_; }

 private:
  void forget_given();

  const size_t max_frame_size_;
  InputBuffer input_;
  size_t given_ = 0;    // bytes of the unread input
  size_t awaited_ = 0;  // size of the incomplete frame, with its size field
};

}  // namespace server::kafka
