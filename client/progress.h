// Shows a progress line on stderr during a long operation, if stderr is a terminal.
#pragma once
#include <chrono>
#include <cstdint>

namespace client {

class Progress {
 public:
  // No: never shows anything, for example where the line would interrupt printed output.
  enum class Wanted { No, Yes };
  explicit Progress(Wanted wanted);
  ~Progress() { clear(); }

  // Updates the counts; cheap enough to be called for every record.
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
