// Shows a line about the progress of a long operation on stderr, if stderr is a terminal.
#pragma once
#include <chrono>
#include <cstdint>

namespace client {

class Progress {
 public:
  // No: never shows the line, for example because it would disturb the output at the same terminal.
  enum class Wanted { No, Yes };
  explicit Progress(Wanted wanted);
  ~Progress() { clear(); }

  // Sets the numbers that the line shows. Fast enough to be called for every record.
  void show(int64_t records, int64_t bytes);
  // Removes the progress line from the terminal.
  void clear();

 private:
  const bool is_shown_;
  bool has_line_ = false;
  int64_t calls_ = 0;
  std::chrono::steady_clock::time_point began_, next_;
};

}  // namespace client
