// Cuts a connection's bytes into frames: an i32 size, then as many bytes.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace server::kafka {

// Kafka's own limit (socket.request.max.bytes); clients do not send more by default.
inline constexpr size_t kMaxFrameSize = 100 << 20;

// Holds no more than one frame and what came with its last bytes. Memory grows with what has
// arrived, not with what a size promises.
//
// Threads: one. Owner: the connection.
class FrameReader {
 public:
  explicit FrameReader(size_t max_frame_size = kMaxFrameSize) : max_frame_size_(max_frame_size) {}

  void receive(std::string_view bytes);

  // The next whole frame, without its size, good until the next call of next() or receive();
  // nothing when more bytes are needed. Fails with ProtocolViolation when the size is negative or
  // above the limit: what follows cannot be understood, so the connection has to end.
  Result<std::optional<std::string_view>> next();

  // Of frames that have not been given.
  size_t buffered_bytes() const { return buffer_.size() - begin_ - given_; }

 private:
  void forget_given();

  const size_t max_frame_size_;
  std::string buffer_;
  size_t begin_ = 0;  // what is before it is forgotten
  size_t given_ = 0;  // from there on
};

}  // namespace server::kafka
