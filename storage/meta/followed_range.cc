#include "storage/meta/followed_range.h"

#include <utility>

namespace storage {

namespace {
constexpr int64_t kRereadUs = 50'000;
}  // namespace

void FollowedRange::tick() {
  if (watch_ || is_reading_ || clock_.monotonic_us() < read_at_us_) return;
  is_reading_ = true;
  EtcdRange range = wishes_.range();
  etcd_.find(range, [this, range](Result<EtcdFound> answer) { found(std::move(answer), range); });
}

void FollowedRange::read_now() {
  watch_.reset();
  read_at_us_ = clock_.monotonic_us();
}

void FollowedRange::found(Result<EtcdFound> found, EtcdRange range) {
  is_reading_ = false;
  if (!found) return later();
  must_read_again_ = false;
  wishes_.read(found->entries);
  if (must_read_again_) return later();
  watch_ = etcd_.watch(std::move(range), found->revision + 1,
                       [this](Result<EtcdEvents> events) { watched(std::move(events)); });
}

void FollowedRange::watched(Result<EtcdEvents> events) {
  must_read_again_ = !events;
  if (events)
    for (const EtcdEvent& event : events->events) {
      wishes_.changed(event);
      if (must_read_again_) break;
    }
  if (!must_read_again_) return;
  watch_.reset();
  later();
}

void FollowedRange::later() { read_at_us_ = clock_.monotonic_us() + kRereadUs; }

}  // namespace storage
