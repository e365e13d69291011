#include "storage/log/space_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace storage {

namespace {

// The time for which a measured free space is used. Measuring takes a system call and, when space
// is short, also a count of the file's free pages.
constexpr int64_t kHoldsUs = 20'000;
// After a failed commit, the measured free space is not trusted: only another commit shows whether
// the disk has space again.
constexpr int64_t kTryAgainMs = 1'000;
constexpr int64_t kReportEveryUs = 10'000'000;

}  // namespace

SpaceWatch::SpaceWatch(KeyValueStore& store, const Clock& clock, uint64_t reserve_bytes)
    : store_(store), clock_(clock), reserve_bytes_(reserve_bytes) {
  if (reserve_bytes_ == 0) return;
  look(reserve_bytes_);
  if (is_all_) become_full(kLookAgainMs, "the disk is full");
  space_was_freed();  // so that the first group reads the free space for its own size
}

void SpaceWatch::begin_group(uint64_t size_bytes) {
  if (reserve_bytes_ == 0) return;
  const int64_t now_us = clock_.monotonic_us();
  const uint64_t enough = reserve_bytes_ + size_bytes;
  if (now_us - looked_at_us_ < kHoldsUs && (is_all_ || left_bytes_ >= enough)) return;
  look(enough);
}

void SpaceWatch::look(uint64_t enough) {
  left_bytes_ = store_.free_bytes(enough);
  is_all_ = left_bytes_ < enough;  // otherwise the store has stopped counting at `enough`
  looked_at_us_ = clock_.monotonic_us();
}

Status SpaceWatch::admit(uint64_t size_bytes, uint64_t floor_bytes) {
  if (reserve_bytes_ == 0) return {};
  if (left_bytes_ >= floor_bytes + size_bytes) {
    left_bytes_ -= size_bytes;
    return {};
  }
  become_full(kLookAgainMs, "the disk is full");
  return Error{.code = ErrorCode::DiskFull,
               .message = "the disk is full",
               .detail = fmt::format("{} bytes are left; {} are reserved so that data can be "
                                     "deleted.",
                                     left_bytes_, reserve_bytes_),
               .hint = "Free space on the disk that holds the data directory, or drop topics."};
}

void SpaceWatch::watch() {
  if (reserve_bytes_ == 0 || is_full_) return;
  if (clock_.monotonic_us() - looked_at_us_ < kWatchEveryMs * 1000) return;
  look(reserve_bytes_);
  if (is_all_) become_full(kLookAgainMs, "the disk is full");
}

void SpaceWatch::commit_failed(const Error& error) { become_full(kTryAgainMs, error.message); }

void SpaceWatch::become_full(int64_t look_again_ms, std::string_view reason) {
  const int64_t now_us = clock_.monotonic_us();
  look_again_us_ = std::max(look_again_us_, now_us + look_again_ms * 1000);
  if (is_full_.exchange(true) && now_us - reported_us_ < kReportEveryUs) return;
  // Reports are limited in rate, because a disk at its limit turns full and writable many times a
  // second.
  if (now_us - reported_us_ < kReportEveryUs) return;
  reported_us_ = now_us;
  log_warn("{}, appends are rejected until it accepts writes free_bytes={} reserve_bytes={}",
           reason, store_.free_bytes(reserve_bytes_), reserve_bytes_);
}

bool SpaceWatch::is_writable() {
  if (!is_full_) return true;
  const int64_t now_us = clock_.monotonic_us();
  if (now_us < look_again_us_) return false;
  const uint64_t enough = reserve_bytes_ + reserve_bytes_ / 4;
  look(enough);
  if (left_bytes_ < enough) {
    look_again_us_ = now_us + kLookAgainMs * 1000;
    return false;
  }
  is_full_ = false;
  log_info("the disk accepts writes again, appends are allowed free_bytes={}", left_bytes_);
  return true;
}

}  // namespace storage
