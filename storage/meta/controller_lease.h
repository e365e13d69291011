// Elects the controller: the node whose key etcd keeps under a lease.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "storage/meta/etcd_client.h"
#include "storage/meta/followed_range.h"

namespace storage {

// Each node tries to create the key when it does not exist. The revision of its creation is the
// controller's epoch: commands are appended on the condition that it is unchanged, so a controller
// whose lease has ended changes nothing, even before it learns of the end. Only the process that
// created the key under its own lease holds it: a late request of an earlier process of the node
// must not pass for one of this process (simulated as seed 30002283).
//
// Threads: one loop, the client's.
class ControllerLease {
 public:
  struct Controller {
    NodeId node;
    EtcdRevision created;
    bool operator==(const Controller&) const = default;
  };
  // `changed` is called with each new controller, or with nothing if none exists or it is not
  // known.
  ControllerLease(EtcdClient& etcd, std::string key, NodeId self, int64_t ttl_ms,
                  const Clock& clock,
                  std::function<void(const std::optional<Controller>&)> changed);

  const std::string& key() const { return key_; }
  const std::optional<Controller>& controller() const { return controller_; }
  // Returns whether this process holds the key, as far as it knows.
  bool is_held() const { return controller_ && is_own_; }
  // Returns whether the key belongs to an earlier process of this node, so that its lease is not
  // renewed.
  bool is_left_over() const { return controller_ && controller_->node == self_ && !is_own_; }
  // Returns whether this node holds the key as far as it knows, but has failed to renew the lease
  // for its whole duration.
  bool is_over() const;
  // Removes the key of a controller that is known to be gone, if the key is still that
  // controller's, so that another one is elected before the lease ends. A wrong caller only causes
  // a change of controllers.
  void depose(const Controller& gone);
  // Gives the key back, and does not try to create it again for `stay_out_us`. Returns false if
  // this node does not hold the key, or has given it back already.
  bool resign(int64_t stay_out_us);
  // Gives the key back for ever, even if an attempt to create it is in progress.
  void retire();
  // Called every few milliseconds.
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
  bool is_vacant_ = false;  // as last reported by etcd
  bool is_retired_ = false;
  int64_t campaign_at_us_ = 0, renew_at_us_ = 0, renewed_at_us_ = 0, stays_out_until_us_ = 0;
};

}  // namespace storage
