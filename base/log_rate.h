// Limits the log lines of an event that can repeat without end.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>

// Admits at most `limit_per_second` lines per second. Further lines are counted, and the next
// written line reports their number to the operator.
//
// Threads: one at a time. Owner: the writer of the lines.
class LogRate {
 public:
  explicit LogRate(uint32_t limit_per_second) : limit_(limit_per_second) {}

  // Returns whether a line may be written now. Otherwise counts the line as suppressed.
  bool allows(int64_t now_us) {
    if (now_us - second_began_us_ >= 1'000'000) {
      second_began_us_ = now_us;
      written_ = 0;
    }
    if (written_ < limit_) return ++written_, true;
    ++suppressed_;
    return false;
  }
  // Returns how many lines were not written since the last call.
  uint64_t take_suppressed() {
    const uint64_t count = suppressed_;
    suppressed_ = 0;
    return count;
  }

 private:
  const uint32_t limit_;
  uint32_t written_ = 0;
  uint64_t suppressed_ = 0;
  int64_t second_began_us_ = INT64_MIN / 2;
};

// A limit that writers on several threads share.
class SharedLogRate {
 public:
  explicit SharedLogRate(uint32_t limit_per_second) : rate_(limit_per_second) {}

  // Returns nothing if the line may not be written now; otherwise the number of lines that were
  // suppressed since the last admitted line.
  std::optional<uint64_t> admit(int64_t now_us) {
    const std::lock_guard lock(mutex_);
    if (!rate_.allows(now_us)) return std::nullopt;
    return rate_.take_suppressed();
  }

 private:
  std::mutex mutex_;
  LogRate rate_;
};
