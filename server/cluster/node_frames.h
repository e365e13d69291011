// Splits the byte stream of a peer node into frames: an i32 size, followed by this number of bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "server/net/input_buffer.h"

namespace server {

// Differs from kafka::FrameReader in the large frames of a known peer. Such a frame gets a buffer
// of its own, which is allocated at its full size when the size is read. The decoded message can
// keep this buffer instead of a copy.
//
// Threads: one. Owner: the connection.
class NodeFrames {
 public:
  explicit NodeFrames(size_t max_frame_size) : max_frame_size_(max_frame_size) {}

  struct Frame {
    std::string_view bytes;  // without its size; valid until the next call of any member function
    std::shared_ptr<const void> keeper = {};  // for a large frame: keeps the bytes valid
  };

  // Marks the peer as known. From then on, each large frame gets a buffer of its full size before
  // its bytes arrive.
  void trust() { is_trusted_ = true; }
  // Returns the part of the large frame's buffer that is not filled yet, or an empty span. A caller
  // that reads from the socket into this span avoids a copy in receive().
  std::span<char> room();
  void receive(std::string_view bytes);
  // Returns the next whole frame; nothing if more bytes are needed. Fails with ProtocolViolation if
  // the size is negative or above the limit. The bytes after such a size cannot be parsed, so the
  // caller has to close the connection.
  Result<std::optional<Frame>> next();
  void tidy() { small_.tidy(); }
  // Returns the number of received bytes of incomplete frames.
  size_t buffered_bytes() const { return small_.unread().size() + large_filled_; }

 private:
  void begin_large(size_t whole);

  const size_t max_frame_size_;
  InputBuffer small_{nullptr};
  bool is_trusted_ = false;
  std::shared_ptr<char[]> large_;  // buffer of the large frame that is being received
  size_t large_size_ = 0, large_filled_ = 0;
};

}  // namespace server
