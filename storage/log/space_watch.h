// Decides whether the disk has space for appends. A reserve of free space is kept, so that an
// operator can free space on a full disk.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

//        0          reserve / 2         reserve        reserve * 5 / 4
//   free |  all else     |  and task commits  |  and client appends ...
//                                                  ^ after a refusal, waiting callers
//                                                    are notified from here on
//
// Task commits are accepted longer than client appends, because the records that they consume can
// then be trimmed. Everything else (drops, trims, epochs, metadata) is small and is always tried.
//
// Threads: the log's writer. Owner: LogCore.
class SpaceWatch {
 public:
  // Reads the free space immediately, so that a full disk is reported when the server starts,
  // before its first write.
  SpaceWatch(KeyValueStore& store, const Clock& clock, uint64_t reserve_bytes);

  // Reads the free space before a group of at most `size_bytes` is written.
  void begin_group(uint64_t size_bytes);
  // Fails with DiskFull when the append would use the reserve.
  Status admit_client_append(uint64_t size_bytes) { return admit(size_bytes, reserve_bytes_); }
  Status admit_task_commit(uint64_t size_bytes) { return admit(size_bytes, reserve_bytes_ / 2); }

  // Measures the free space unless it was measured less than kWatchEveryMs ago. Called regularly,
  // so that /readyz and the metrics report a full disk before a client's write fails.
  void watch();
  // Called after space was freed. The next call that depends on the free space then measures it
  // again.
  void space_was_freed() { looked_at_us_ = INT64_MIN / 2; }
  // Records that a commit failed because the disk was full, although the measured free space was
  // sufficient. Possible reasons are a quota, another process, or a failing disk.
  void commit_failed(const Error& error);
  // Returns whether appends may succeed now. After a refusal, the free space is read again only
  // from time to time.
  bool is_writable();
  // Threads: any.
  bool is_full() const { return is_full_; }
  uint64_t reserve_bytes() const { return reserve_bytes_; }

  static constexpr int64_t kLookAgainMs = 250;
  // The interval is short, because measuring costs only one system call, and a load balancer reads
  // /readyz every few seconds.
  static constexpr int64_t kWatchEveryMs = 1'000;

 private:
  void look(uint64_t enough);
  Status admit(uint64_t size_bytes, uint64_t floor_bytes);
  // `reason` is shown in the log.
  void become_full(int64_t look_again_ms, std::string_view reason);

  KeyValueStore& store_;
  const Clock& clock_;
  const uint64_t reserve_bytes_;
  uint64_t left_bytes_ = UINT64_MAX;
  // whether left_bytes_ is the whole free space of the disk
  bool is_all_ = false;
  int64_t looked_at_us_ = INT64_MIN / 2;  // time at which left_bytes_ was read
  std::atomic<bool> is_full_ = false;
  int64_t look_again_us_ = 0;
  int64_t reported_us_ = INT64_MIN / 2;
};

}  // namespace storage
