#include "storage/kv/written_ahead.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace storage {

namespace {

// The space for kCommitsAhead commits of the recent size is written ahead, within these limits. It
// is enough for several commits, and small enough for the commit whose sync includes the zeros.
constexpr uint64_t kCommitsAhead = 16, kLeastBytes = 256 << 10, kMostRequestBytes = 1 << 20;
// A commit that grows the file by more than this is large.
constexpr uint64_t kLargeGrowthBytes = 256 << 10;

// The array has only zeros and is never written to, so that it takes no memory.
constinit std::array<char, kMostRequestBytes> zeros = {};

}  // namespace

void WrittenAhead::keep_up(uint64_t used_bytes) {
  const bool is_first = used_bytes_ == 0;
  const uint64_t growth = used_bytes > used_bytes_ ? used_bytes - used_bytes_ : 0;
  used_bytes_ = used_bytes;
  if (is_first || growth == 0) return;  // without growth, the store fills freed pages
  mean_growth_ = (7 * mean_growth_ + growth) / 8;
  if (std::max(growth, mean_growth_) > kLargeGrowthBytes) return;
  const uint64_t step = std::clamp(kCommitsAhead * mean_growth_, kLeastBytes, kMostRequestBytes);
  const auto is_enough = [&] { return written_bytes_ >= used_bytes + step / 2; };
  if (is_enough()) return;
  struct stat file;
  if (::fstat(file_, &file) != 0) return;
  written_bytes_ = static_cast<uint64_t>(file.st_size);
  if (is_enough()) return;
  if (const ssize_t added = ::pwrite(file_, zeros.data(), step, file.st_size); added > 0)
    written_bytes_ += static_cast<uint64_t>(added);
}

bool WrittenAhead::has_ahead(uint64_t used_bytes, uint64_t ahead_bytes) {
  const auto is_there = [&] { return written_bytes_ >= used_bytes + ahead_bytes; };
  if (is_there()) return true;
  struct stat file;
  if (::fstat(file_, &file) != 0) return false;
  written_bytes_ = static_cast<uint64_t>(file.st_size);
  if (is_there()) return true;
  const uint64_t missing = used_bytes + ahead_bytes - written_bytes_;
  if (missing > ahead_bytes) return false;  // the file lacks counted pages that were never written
  while (!is_there()) {
    const ssize_t added =
        ::pwrite(file_, zeros.data(), kMostRequestBytes, static_cast<off_t>(written_bytes_));
    if (added <= 0) return false;
    written_bytes_ += static_cast<uint64_t>(added);
  }
  return true;
}

}  // namespace storage
