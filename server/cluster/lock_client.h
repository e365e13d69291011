// The named locks (such as advisory locks) of this node's sessions. In a cluster the controller grants them, so that no
// two nodes have the same lock.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/lock_keeper.h"
#include "server/locks/named_locks.h"

namespace server {

// Sends each change of the wanted locks to the controller, and repeats it until the controller has
// acknowledged it. If no controller has answered for kLockLeaseUs, the locks of this node are lost,
// because the controller may then grant them to another node.
//
// Threads: ask() and the holds (granted locks) on any thread; the rest on one loop. Owner:
// ClusterMember. A hold may outlive the LockClient; its lock is lost then.
class LockClient final : public NamedLocks {
 public:
  struct Controller {
    NodeId node;
    int64_t epoch = 0;
    bool operator==(const Controller&) const = default;
  };
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<void(std::function<void()>)> post;  // runs a function on the loop
    // Returns the registration epoch of this process; nothing until the process is registered in
    // the cluster.
    std::function<std::optional<storage::NodeEpoch>()> process;
    // Returns whether all nodes know the messages about locks.
    std::function<bool()> is_supported;
  };
  explicit LockClient(Around around);
  ~LockClient() override;
  LockClient(const LockClient&) = delete;
  LockClient& operator=(const LockClient&) = delete;

  Place ask(Request request, Answered answered) override;
  void await_releases(std::function<void()> done) override;

  void controller_changed(std::optional<Controller> controller);
  void on_connected(NodeId node);
  void on_message(NodeId from, const LocksGranted& message);
  void tick();

 private:
  struct State;
  const std::shared_ptr<State>
      state_;  // shared with granted locks, waiting requests, and work on the loop
};

}  // namespace server
