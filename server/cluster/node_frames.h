// Cuts what a node sends into frames: an i32 size, then as many bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "server/net/input_buffer.h"

namespace server {

// As kafka::FrameReader, but once it is known who sends: a large frame has memory of its own then, of its whole size from the
// beginning, which what is made of it may keep.
//
// Threads: one. Owner: the connection.
class NodeFrames {
 public:
  explicit NodeFrames(size_t max_frame_size) : max_frame_size_(max_frame_size) {}

  struct Frame {
    std::string_view bytes;  // without its size; good until the next call of anything here
    std::shared_ptr<const void> keeper = {};  // of a large one: for as long as somebody has this
  };

  // Memory may be taken for what a size promises.
  void trust() { is_trusted_ = true; }
  // Where the next bytes belong, if that is known already: if they are received there, receive() copies nothing.
  std::span<char> room();
  void receive(std::string_view bytes);
  // The next whole frame; nothing when more bytes are needed. Fails with ProtocolViolation when the size is negative or above
  // the limit: what follows cannot be understood, so the connection has to end.
  Result<std::optional<Frame>> next();
  void tidy() { small_.tidy(); }
  // Of frames that are not whole yet.
  size_t buffered_bytes() const { return small_.unread().size() + large_filled_; }

 private:
  void begin_large(size_t whole);

  const size_t max_frame_size_;
  InputBuffer small_{nullptr};
  bool is_trusted_ = false;
  std::shared_ptr<char[]> large_;  // what comes next belongs there
  size_t large_size_ = 0, large_filled_ = 0;
};

}  // namespace server
