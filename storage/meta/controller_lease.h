// Elects the controller of a cluster: the controller is the node that has created the controller's
// key in etcd, under a lease.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/followed_range.h"

namespace storage {

// While the key does not exist, each node tries to create it. The revision of the key's creation is
// the controller's epoch. Commands are appended on the condition that the key still has this
// revision. So a controller whose lease has ended cannot append, even before it learns of the end.
// A process is the controller only if it created the key under its own lease: an earlier process of
// the same node may have sent the request that etcd executes only now (simulated as seed 30002283).
//
// Threads: one loop, the client's.
class ControllerLease {
 public:
  struct Controller {
    NodeId node;
    EtcdRevision created;
    bool operator==(const Controller&) const = default;
  };
  // `changed` is called with each new controller. It is called with nothing if no controller
  // exists, or if this node does not know the controller.
  ControllerLease(EtcdClient& etcd, std::string key, NodeId self, int64_t ttl_ms,
                  const Clock& clock,
                  std::function<void(const std::optional<Controller>&)> changed);

  const std::string& key() const { return key_; }
  const std::optional<Controller>& controller() const { return controller_; }
  // Returns whether this process is the controller, according to the last report from etcd.
  bool is_held() const { return controller_ && is_own_; }
  // Returns whether an earlier process of this node created the key. This process does not renew
  // the earlier lease, so the key is removed when that lease ends.
  bool is_left_over() const { return controller_ && controller_->node == self_ && !is_own_; }
  // Returns whether this process is the controller according to the last report, but has not been
  // able to renew its lease for the whole duration of the lease. The result becomes true before
  // etcd ends the lease.
  bool is_over() const;
  // Removes the key of a controller that no longer runs, so that another controller is elected
  // before the lease ends. Does nothing if the key belongs to another controller by now. If `gone`
  // is still alive after all, the removal only causes another election.
  void depose(const Controller& gone);
  // Removes this node's key, and does not try to create it again for `stay_out_us`. Returns false
  // if this node has no key, or if the removal is already in progress.
  bool resign(int64_t stay_out_us);
  // Removes the key permanently. If an attempt to create it is in progress, its result is undone.
  void retire();
  // Called every few milliseconds.
  void tick();

 private:
  void note(const std::optional<EtcdEntry>& entry);
  void campaign();
  void make_key();
  void keep_alive();
  // Called when etcd has granted or renewed the lease. `asked_at_us` is the time when the request
  // was sent.
  void renewed(int64_t asked_at_us);

  EtcdClient& etcd_;
  const std::string key_;
  const NodeId self_;
  const int64_t ttl_ms_;
  const Clock& clock_;
  const std::function<void(const std::optional<Controller>&)> changed_;
  std::optional<Controller> controller_;
  bool is_own_ = false;  // the key was created under a lease of this process
  FollowedRange holder_;
  std::optional<EtcdLease> lease_;
  bool is_campaigning_ = false, is_renewing_ = false;
  bool is_vacant_ = false;  // the key does not exist, as last reported by etcd
  bool is_retired_ = false;
  int64_t campaign_at_us_ = 0, renew_at_us_ = 0, renewed_at_us_ = 0, stays_out_until_us_ = 0;
};

}  // namespace storage
