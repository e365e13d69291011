// Reads lines from a file descriptor, one at a time. Does not wait longer than the caller permits.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

// Threads: one. The caller owns the descriptor.
class LineSource {
 public:
  explicit LineSource(int fd) : fd_(fd) {}

  enum class Next { Line, NothingYet, End };
  // Reads the next line into `line`, without its line end; it is valid until the next call. Returns
  // NothingYet if no whole line arrives within `wait_ms`, or if a signal arrives. Fails if the
  // descriptor cannot be read. Fails with LimitExceeded if the line is longer than any record can
  // be.
  Result<Next> next(std::string_view& line, int wait_ms);

 private:
  bool take_line(std::string_view& line);
  void drop_what_was_taken();

  const int fd_;
  std::string data_;
  size_t begin_ = 0;
  size_t searched_ = 0;  // no line ends before this position
  bool has_ended_ = false;
};

}  // namespace client
