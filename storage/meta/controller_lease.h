// Who decides for the cluster: the node whose key etcd keeps under a lease.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/followed_range.h"

namespace storage {

// Each node tries to make the key when it is not there. The revision in which it was made is the controller's
// epoch: commands are appended on the condition that it is the same still, so whoever does not know yet that
// his lease is over changes nothing. A key is held by the process that has made it, under its lease: what the process that
// was this node before has asked of etcd may still come, and would pass for this one's (simulated as seed 30002283).
//
// Threads: one loop, the client's.
class ControllerLease {
 public:
  struct Controller {
    NodeId node;
    EtcdRevision created;
    bool operator==(const Controller&) const = default;
  };
  // `changed` tells who it is from now on; nobody, or not known, is nothing.
  ControllerLease(EtcdClient& etcd, std::string key, NodeId self, int64_t ttl_ms,
                  const Clock& clock,
                  std::function<void(const std::optional<Controller>&)> changed);

  const std::string& key() const { return key_; }
  const std::optional<Controller>& controller() const { return controller_; }
  // Whether this process is it, as far as it knows.
  bool is_held() const { return controller_ && is_own_; }
  // The key is of a process that was this node before: nobody keeps its lease alive.
  bool is_left_over() const { return controller_ && controller_->node == self_ && !is_own_; }
  // This node holds it as far as it knows, and has not been able to renew it for as long as it lasts.
  bool is_over() const;
  // It is known that this one is gone: its key goes, if it is that one's still, so that there is another controller
  // before the lease has ended. Whoever was wrong has only made a change of controllers.
  void depose(const Controller& gone);
  // The key is given back, and this node does not try to make it again for `stay_out_us`. False where there is
  // nothing to give back, or that was said already.
  bool resign(int64_t stay_out_us);
  // Likewise, for good, also where an attempt to make it is under way.
  void retire();
  // Every few milliseconds.
  void tick();

 private:
  void note(const std::optional<EtcdEntry>& entry);
  void campaign();
  void make_key();
  void keep_alive();

  EtcdClient& etcd_;
  const std::string key_;
  const NodeId self_;
  const int64_t ttl_ms_;
  const Clock& clock_;
  const std::function<void(const std::optional<Controller>&)> changed_;
  std::optional<Controller> controller_;
  bool is_own_ = false;  // made under a lease of this process
  FollowedRange holder_;
  std::optional<EtcdLease> lease_;
  bool is_campaigning_ = false, is_renewing_ = false;
  bool is_vacant_ = false;  // as etcd said last
  bool is_retired_ = false;
  int64_t campaign_at_us_ = 0, renew_at_us_ = 0, renewed_at_us_ = 0, stays_out_until_us_ = 0;
};

}  // namespace storage
