#include "server/kafka/frame_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace server::kafka {

namespace {

// What an idle connection may go on holding after a large frame.
constexpr size_t kKeptCapacity = 64 * 1024;
// How many times of what has arrived is made room for, so that a large frame is moved seldom.
constexpr size_t kMostRoom = 4;

}  // namespace

void FrameReader::forget_given() {
  begin_ += std::exchange(given_, 0);
  // Frames come in groups; moving the rest once for each group is enough.
  if (begin_ <= buffer_.size() / 2) return;
  buffer_.erase(0, begin_);
  begin_ = 0;
  if (buffer_.capacity() > kKeptCapacity && buffer_.size() < kKeptCapacity) buffer_.shrink_to_fit();
}

void FrameReader::receive(std::string_view bytes) {
  forget_given();
  buffer_ += bytes;
}

Result<std::optional<std::string_view>> FrameReader::next() {
  constexpr size_t kSizeSize = sizeof(int32_t);
  forget_given();
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < kSizeSize) return std::nullopt;
  const auto size = load_be<int32_t>(rest.data());
  if (size < 0 || static_cast<size_t>(size) > max_frame_size_)
    return Error{ErrorCode::ProtocolViolation, fmt::format("a frame of {} bytes", size),
                 fmt::format("A frame has up to {} bytes.", max_frame_size_)};
  const size_t whole = kSizeSize + static_cast<size_t>(size);
  if (rest.size() < whole) {
    buffer_.reserve(begin_ + std::min(whole, kMostRoom * rest.size()));
    return std::nullopt;
  }
  given_ = whole;
  return rest.substr(kSizeSize, static_cast<size_t>(size));
}

}  // namespace server::kafka
