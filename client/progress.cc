#include "client/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "client/command_line.h"

namespace client {

namespace {

using std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(250);
constexpr int64_t kCallsPerLook = 256;  // calls between two checks of the clock

}  // namespace

Progress::Progress(Wanted wanted)
    : is_shown_(wanted == Wanted::Yes && isatty(STDERR_FILENO)),
      began_(steady_clock::now()),
      next_(began_ + kPause) {}

void Progress::show(int64_t records, int64_t bytes) {
  if (!is_shown_ || ++calls_ % kCallsPerLook != 0) return;
  const auto now = steady_clock::now();
  if (now < next_) return;
  next_ = now + kPause;
  has_line_ = true;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  fmt::print(stderr, "\r{} records, {:.1f} MB, {} records/s\033[K", grouped(records),
             static_cast<double>(bytes) / 1e6,
             grouped(static_cast<int64_t>(static_cast<double>(records) / seconds)));
  std::fflush(stderr);
}

void Progress::clear() {
  if (!has_line_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  has_line_ = false;
}

}  // namespace client
