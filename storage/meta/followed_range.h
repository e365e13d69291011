// Follows a range of etcd's keys: reads it once, and then watches it for changes.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "storage/meta/etcd_client.h"

namespace storage {

// Reads the range, and then watches it from the next revision on. If the watch ends for any reason,
// the range is read again a little later. So no change is missed, but a change may be delivered
// more than once.
//
// Threads: one loop, the client's.
class FollowedRange {
 public:
  struct Wishes {
    std::function<EtcdRange()> range;  // called for each read
    std::function<void(const std::vector<EtcdEntry>&)> read;
    std::function<void(const EtcdEvent&)> changed;
  };
  FollowedRange(EtcdClient& etcd, const Clock& clock, Wishes wishes)
      : etcd_(etcd), clock_(clock), wishes_(std::move(wishes)) {}

  // Begins reading when it is time. Called every few milliseconds.
  void tick();
  // Called within `read` or `changed` if the entries contradict each other. The remaining entries
  // are skipped, and the range is read again.
  void read_again() { must_read_again_ = true; }
  // Makes the next tick read the range. Called if the watch delivers events too late. Must not be
  // called within `read` or `changed`.
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
