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

// Holds no more than one frame and what came with its last bytes. Memory grows with what has
// arrived, not with what a size promises.
//
// Threads: one. Owner: the connection.
class FrameReader {
 public:
  explicit FrameReader(size_t max_frame_size = kMaxFrameSize, MemoryAccount* memory = nullptr)
      : max_frame_size_(max_frame_size), input_(memory) {}

  void receive(std::string_view bytes);

  // The next whole frame, without its size, good until the next call of anything here; nothing when more bytes are needed. Fails with ProtocolViolation when the size is
  // negative or above the limit: what follows cannot be understood, so the connection has to end.
  Result<std::optional<std::string_view>> next();
  // All that has come and is in no frame that was given.
  std::string_view unread() const { return input_.unread().substr(given_); }
  void skip(size_t bytes);  // of it
  // Gives back what held the frames that were read.
  void tidy();
  // After next() has given nothing: room for more of the frame, whose size is awaited_bytes().
  // False when there is no memory for it now.
  bool make_room();
  size_t awaited_bytes() const { return awaited_; }

  // Of frames that have not been given.
  size_t buffered_bytes() const { return input_.unread().size() - given_; }

 private:
  void forget_given();

  const size_t max_frame_size_;
  InputBuffer input_;
  size_t given_ = 0;    // of what is unread
  size_t awaited_ = 0;  // the whole frame that is not there yet, with its size
};

}  // namespace server::kafka
