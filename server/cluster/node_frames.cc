#include "server/cluster/node_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace server {

namespace {

constexpr size_t kSizeSize = sizeof(int32_t);
// Frames below this size are copied, which is cheaper than a separate buffer.
constexpr size_t kLarge = 64 << 10;

}  // namespace

std::span<char> NodeFrames::room() {
  return {large_.get() + large_filled_, large_size_ - large_filled_};
}

void NodeFrames::receive(std::string_view bytes) {
  const std::span<char> awaited = room();
  const size_t taken = std::min(bytes.size(), awaited.size());
  if (taken > 0 && bytes.data() != awaited.data()) std::memcpy(awaited.data(), bytes.data(), taken);
  large_filled_ += taken;
  if (taken < bytes.size()) small_.append(bytes.substr(taken));
}

void NodeFrames::begin_large(size_t whole) {
  const std::string_view begun = small_.unread();
  large_ = std::make_shared_for_overwrite<char[]>(whole);
  large_size_ = whole;
  std::memcpy(large_.get(), begun.data(), begun.size());
  large_filled_ = begun.size();
  small_.consume(begun.size());
}

Result<std::optional<NodeFrames::Frame>> NodeFrames::next() {
  if (large_ && large_filled_ < large_size_) return std::nullopt;
  if (large_) {
    const std::string_view whole(large_.get(), large_size_);
    large_size_ = large_filled_ = 0;
    return Frame{whole.substr(kSizeSize), std::exchange(large_, nullptr)};
  }
  const std::string_view rest = small_.unread();
  if (rest.size() < kSizeSize) return std::nullopt;
  const auto size = load_be<int32_t>(rest.data());
  if (size < 0 || static_cast<size_t>(size) > max_frame_size_)
    return Error{ErrorCode::ProtocolViolation, fmt::format("a frame of {} bytes", size),
                 fmt::format("A frame has at most {} bytes.", max_frame_size_)};
  const size_t whole = kSizeSize + static_cast<size_t>(size);
  if (rest.size() < whole) {
    if (is_trusted_ && whole >= kLarge) begin_large(whole);
    return std::nullopt;
  }
  small_.consume(whole);  // the returned frame stays valid until the next call
  return Frame{rest.substr(kSizeSize, static_cast<size_t>(size))};
}

}  // namespace server
