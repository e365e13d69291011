// Cuts a connection's bytes into frames. A frame is a 32-bit size, followed by as many bytes.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "server/net/input_buffer.h"

namespace server::kafka {

// The default limit for frames, which is Kafka's (socket.request.max.bytes). By default clients do
// not send more.
inline constexpr size_t kMaxFrameSize = 100 << 20;

// Stores at most one frame, and the bytes that have arrived together with the end of this frame.
// Memory grows with the bytes that have arrived, not with the size that a frame announces.
//
// Threads: one. Owner: the connection.
class FrameReader {
 public:
  explicit FrameReader(size_t max_frame_size = kMaxFrameSize, MemoryAccount* memory = nullptr)
      : max_frame_size_(max_frame_size), input_(memory) {}

  void receive(std::string_view bytes);

  // Returns the next whole frame without its size, or nullopt if more bytes are needed. The view is
  // valid until the next call of a method. Fails with ProtocolViolation if the size is negative or
  // above the limit. The following bytes then have no meaning, so the connection has to end.
  Result<std::optional<std::string_view>> next();
  // Returns the bytes that have arrived and do not belong to a returned frame.
  std::string_view unread() const { return input_.unread().substr(given_); }
  void skip(size_t bytes);  // skips unread() bytes
  // Releases the memory of returned frames.
  void tidy();
  // Reserves memory for the incomplete frame, whose size is awaited_bytes(). Called after next()
  // has returned nullopt. Returns false if no memory is available.
  bool make_room();
  size_t awaited_bytes() const { return awaited_; }

  // Returns the number of unread() bytes.
  size_t buffered_bytes() const { return input_.unread().size() - given_; }

 private:
  void forget_given();

  const size_t max_frame_size_;
  InputBuffer input_;
  size_t given_ = 0;    // bytes of `input_` that belong to the returned frame
  size_t awaited_ = 0;  // size of the incomplete frame, with its size field
};

}  // namespace server::kafka
