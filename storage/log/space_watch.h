// Whether there is room for appends: a reserve of free space is kept, so that a full disk can still
// be tidied up.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

//        0          reserve / 2         reserve        reserve * 5 / 4
//   free |  all else     |  and task commits  |  and client appends ...
//                                                  ^ after a refusal, those who wait
//                                                    are told from here on
//
// Tasks go on for longer than clients, since what they consume is trimmed. Everything else (drops,
// trims, epochs, metadata) is small and is always tried.
//
// Threads: the log's writer. Owner: LogCore.
class SpaceWatch {
 public:
  // Looks at once, so that a disk that is full at a start is called so before anybody writes.
  SpaceWatch(KeyValueStore& store, const Clock& clock, uint64_t reserve_bytes);

  // Looks how much there is, before a group of at most `size_bytes`.
  void begin_group(uint64_t size_bytes);
  // Fails with DiskFull when the append would use the reserve.
  Status admit_client_append(uint64_t size_bytes) { return admit(size_bytes, reserve_bytes_); }
  Status admit_task_commit(uint64_t size_bytes) { return admit(size_bytes, reserve_bytes_ / 2); }

  // Looks at the free space if the last look was kWatchEveryMs ago, so that /readyz and the metrics report a full disk
  // before a client's write fails.
  void watch();
  // Something was removed: the next look asks the store.
  void space_was_freed() { looked_at_us_ = INT64_MIN / 2; }
  // A commit found the disk full although there seemed to be space: a quota, somebody else was
  // faster, or the disk fails.
  void commit_failed(const Error& error);
  // Whether appends are worth trying. After a refusal the answer is asked of the disk again only
  // from time to time.
  bool is_writable();
  // Threads: any.
  bool is_full() const { return is_full_; }
  uint64_t reserve_bytes() const { return reserve_bytes_; }

  static constexpr int64_t kLookAgainMs = 250;
  // A balancer asks every few seconds; a look is one system call.
  static constexpr int64_t kWatchEveryMs = 1'000;

 private:
  void look(uint64_t enough);
  Status admit(uint64_t size_bytes, uint64_t floor_bytes);
  // `reason`: for the log.
  void become_full(int64_t look_again_ms, std::string_view reason);

  KeyValueStore& store_;
  const Clock& clock_;
  const uint64_t reserve_bytes_;
  uint64_t left_bytes_ = UINT64_MAX;
  bool is_all_ = false;                   // there is no more than left_bytes_
  int64_t looked_at_us_ = INT64_MIN / 2;  // when left_bytes_ was read
  std::atomic<bool> is_full_ = false;
  int64_t look_again_us_ = 0;
  int64_t reported_us_ = INT64_MIN / 2;
};

}  // namespace storage
