#include "client/line_source.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace client {

namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kMostLineBytes = 256 << 20;  // servers accept records of a few MB at most

Error failed_read() {
  return Error{ErrorCode::NetworkFailure,
               fmt::format("cannot read the input: {}", std::strerror(errno))};
}

}  // namespace

bool LineSource::take_line(std::string_view& line) {
  const size_t end = data_.find('\n', searched_);
  if (end == data_.npos) {
    searched_ = data_.size();
    if (!has_ended_ || begin_ == data_.size()) return false;
    line = std::string_view(data_).substr(begin_);
    begin_ = data_.size();
  } else {
    line = std::string_view(data_).substr(begin_, end - begin_);
    begin_ = searched_ = end + 1;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

void LineSource::drop_what_was_taken() {
  data_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
}

Result<LineSource::Next> LineSource::next(std::string_view& line, int wait_ms) {
  for (;;) {
    if (take_line(line)) return Next::Line;
    if (has_ended_) return Next::End;
    pollfd ready{fd_, POLLIN, 0};
    const int count = poll(&ready, 1, wait_ms);
    if (count == 0 || (count < 0 && errno == EINTR)) return Next::NothingYet;
    if (count < 0) return failed_read();
    drop_what_was_taken();
    if (data_.size() > kMostLineBytes)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("a line of more than {} MiB", kMostLineBytes >> 20)};
    const size_t had = data_.size();
    data_.resize(had + kReadBytes);
    const ssize_t got = read(fd_, data_.data() + had, kReadBytes);
    data_.resize(had + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got < 0 && errno == EINTR) return Next::NothingYet;
    if (got < 0) return failed_read();
    has_ended_ = got == 0;
  }
}

}  // namespace client
