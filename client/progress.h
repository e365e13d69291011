// One moving line on stderr while something long runs; nothing where stderr is not a terminal.
#pragma once
#include <chrono>
#include <cstdint>

namespace client {

class Progress {
 public:
  // Not wanted: it never shows anything, for instance where its line would cut into what is
  // printed.
  enum class Wanted { No, Yes };
  explicit Progress(Wanted wanted);
  ~Progress() { clear(); }

  // Counts so far; cheap enough to be called for every record.
  void show(int64_t records, int64_t bytes);
  // Takes the line away.
  void clear();

 private:
  const bool is_shown_;
  bool has_line_ = false;
  int64_t calls_ = 0;
  std::chrono::steady_clock::time_point began_, next_;
};

}  // namespace client
