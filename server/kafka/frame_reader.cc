#include "server/kafka/frame_reader.h"

#include <fmt/format.h>

#include "base/bytes.h"

namespace server::kafka {

namespace {

// What an idle connection may go on holding after a large frame.
constexpr size_t kKeptCapacity = 64 * 1024;

}  // namespace

Result<std::optional<std::string>> FrameReader::next() {
  constexpr size_t kSizeSize = sizeof(int32_t);
  const std::string_view rest = std::string_view(buffer_).substr(begin_);
  if (rest.size() < kSizeSize) return std::nullopt;
  const auto size = load_be<int32_t>(rest.data());
  if (size < 0 || static_cast<size_t>(size) > max_frame_size_)
    return Error{ErrorCode::ProtocolViolation, fmt::format("a frame of {} bytes", size),
                 fmt::format("A frame has up to {} bytes.", max_frame_size_)};
  if (rest.size() < kSizeSize + static_cast<size_t>(size)) return std::nullopt;
  std::string frame(rest.substr(kSizeSize, static_cast<size_t>(size)));
  begin_ += kSizeSize + frame.size();
  // Frames come in groups; moving the rest once for each group is enough.
  if (begin_ > buffer_.size() / 2) {
    buffer_.erase(0, begin_);
    begin_ = 0;
    if (buffer_.capacity() > kKeptCapacity) buffer_.shrink_to_fit();
  }
  return frame;
}

}  // namespace server::kafka
