// Measures how long each callback occupies its event loop, because all connections of the loop wait meanwhile. Warns in
// the log about long ones.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log_rate.h"

namespace server {

// Statistics of the slices since the last call of read(). The times are rounded up by at most an eighth, because the
// meter only counts how many slices fall into each range of lengths.
struct SliceReading {
  uint64_t count = 0;
  int64_t p50_us = 0, p99_us = 0, max_us = 0;
};

// Measures slices. A slice is one callback of the loop, for a message, a timer or a ready socket,
// or one step of a task. All other connections of the loop wait for the end of a slice.
//
// Threads: slices on the loop's thread; read() and longest_us() on any thread.
// Owner:   the loop.
class SliceMeter {
 public:
  // A longer slice is reported in the server's log, at most once a second.
  static constexpr int64_t kWarnUs = 50'000;

  explicit SliceMeter(std::string loop_name) : loop_name_(std::move(loop_name)) {}

  // Measures the time from its construction to its destruction as one slice. A slice within another one is not
  // counted separately.
  class Slice {
   public:
    Slice(SliceMeter& meter, const char* what) : meter_(meter) { meter_.begin(what); }
    ~Slice() { meter_.end(); }
    Slice(const Slice&) = delete;
    Slice& operator=(const Slice&) = delete;

   private:
    SliceMeter& meter_;
  };

  // Names the work of the present slice for the log, such as the name of a task or a kind of
  // request. Keeps up to 80 bytes.
  void describe(std::string_view what);
  // Ends the present slice and begins another one in the same callback. Called at a point where the
  // caller could return to the loop, but continues with the next piece of its own work.
  void next(std::string_view what);
  // Runs the function once, before another slice begins.
  void before_next(std::function<void()> run) { before_next_ = std::move(run); }

  // Returns the measurements of the slices since the last call of read().
  SliceReading read();
  // Returns the longest slice since the start.
  int64_t longest_us() const { return longest_us_.load(std::memory_order_relaxed); }
  const std::string& loop_name() const { return loop_name_; }

 private:
  // Each power of two has eight buckets, so a measured time is at most an eighth too long.
  static constexpr size_t kBuckets = 32 * 8;
  static size_t bucket_of(int64_t slice_us);
  static int64_t upper_end_us(size_t bucket);
  static int64_t now_us();
  void begin(const char* what);
  void end();
  void note(int64_t slice_us);

  const std::string loop_name_;
  int depth_ = 0;
  std::function<void()> before_next_;
  int64_t began_us_ = 0;
  std::array<char, 80> what_{};
  size_t what_size_ = 0;
  LogRate log_rate_{1};
  std::array<std::atomic<uint32_t>, kBuckets> buckets_{};
  std::atomic<int64_t> max_us_ = 0, longest_us_ = 0;
};

}  // namespace server
