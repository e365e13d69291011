// A range of etcd's keys, read and then watched, for as long as it is wanted.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "storage/meta/etcd_client.h"

namespace storage {

// Reads the range, then watches it from the next revision on; when the watch ends, however it ends, reads
// again a little later. So nothing that happens is missed, and what was told already may be told once more.
//
// Threads: one loop, the client's.
class FollowedRange {
 public:
  struct Wishes {
    std::function<EtcdRange()> range;  // asked each time it is read
    std::function<void(const std::vector<EtcdEntry>&)> read;
    std::function<void(const EtcdEvent&)> changed;
  };
  FollowedRange(EtcdClient& etcd, const Clock& clock, Wishes wishes)
      : etcd_(etcd), clock_(clock), wishes_(std::move(wishes)) {}

  // Begins reading when it is time. Every few milliseconds.
  void tick();
  // What was told does not fit together: the rest of it is left out, and the range is read again. For within
  // `read` and `changed`.
  void read_again() { must_read_again_ = true; }
  // What the watch should have told is late: the range is read instead, at the next tick. Not from within these.
  void read_now();

 private:
  void found(Result<EtcdFound> found, EtcdRange range);
  void watched(Result<EtcdEvents> events);
  void later();

  EtcdClient& etcd_;
  const Clock& clock_;
  const Wishes wishes_;
  std::unique_ptr<EtcdClient::Watch> watch_;
  bool is_reading_ = false, must_read_again_ = false;
  int64_t read_at_us_ = 0;
};

}  // namespace storage
