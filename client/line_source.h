// Reads lines from a file descriptor, one at a time, without blocking if none arrives.
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
  // Reads the next line. `line`, without its end, is valid until the next call. NothingYet: no
  // whole line arrived within `wait_ms`, or a signal did. Fails if the descriptor cannot be read,
  // or with LimitExceeded for a line that no record could hold.
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
