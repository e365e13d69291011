#include "server/kafka/frame_reader.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"

namespace server::kafka {

void FrameReader::forget_given() { input_.consume(std::exchange(given_, 0)); }

void FrameReader::receive(std::string_view bytes) {
  forget_given();
  input_.append(bytes);
}

void FrameReader::skip(size_t bytes) {
  forget_given();
  input_.consume(bytes);
}

void FrameReader::tidy() {
  forget_given();
  input_.tidy();
}

bool FrameReader::make_room() {
  forget_given();
  return input_.make_room(awaited_);
}

Result<std::optional<std::string_view>> FrameReader::next() {
  constexpr size_t kSizeSize = sizeof(int32_t);
  forget_given();
  awaited_ = kSizeSize;
  const std::string_view rest = input_.unread();
  if (rest.size() < kSizeSize) return std::nullopt;
  const auto size = load_be<int32_t>(rest.data());
  if (size < 0 || static_cast<size_t>(size) > max_frame_size_)
    return Error{ErrorCode::ProtocolViolation, fmt::format("a frame of {} bytes", size),
                 fmt::format("A frame has at most {} bytes.", max_frame_size_)};
  awaited_ = kSizeSize + static_cast<size_t>(size);
  if (rest.size() < awaited_) return std::nullopt;
  given_ = awaited_;
  return rest.substr(kSizeSize, static_cast<size_t>(size));
}

}  // namespace server::kafka
