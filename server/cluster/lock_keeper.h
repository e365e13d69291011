// Grants the locks of the sessions of all nodes. It runs on the controller and keeps the locks only
// in memory. After a change of the controller, the nodes report the locks that they hold to the new
// one.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/locks/table_locks.h"
#include "storage/meta/cluster_table.h"

namespace server {

// The time for which a node may rely on its locks. It begins when the node sends a message that the
// controller answers. All nodes have to use the same value, because a controller releases the locks
// of a silent node after this time and a margin.
inline constexpr int64_t kLockLeaseUs = 6'000'000;

struct LockRules {
  // A new controller grants nothing before it knows the locks that the previous controller granted.
  // Tests can switch the rule off.
  bool awaits_holders = true;
};

// Invariants:
//   1. a lock is granted to another node only if its holder has released it, the process of the holder has ended, or the
//      lease of the holder's node is over;
//   2. a new controller grants nothing until each node has reported its locks or kLockLeaseUs and a margin have passed.
//
// Threads: one loop. Owner: ClusterMember.
class LockKeeper {
 public:
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    // Returns whether etcd has confirmed, within the duration of the lease, that this node is the
    // controller. A controller that was frozen must not answer, because another controller may have
    // granted the same locks already.
    std::function<bool()> is_confirmed;
    // Returns whether the node's process has ended, as far as this node knows.
    std::function<bool(NodeId)> is_gone;
  };
  explicit LockKeeper(Around around, LockRules rules = {})
      : around_(std::move(around)), rules_(rules) {}

  // Called when this node has become the controller, and when it is no longer.
  void begin(int64_t controller_epoch);
  void end();

  void on_message(NodeId from, LocksWanted message);
  // Called when the process of the node has ended. Releases its locks.
  void on_gone(NodeId node);
  void tick();

 private:
  struct Lock {
    LocksWanted::Wanted wanted;
    enum class Verdict : uint8_t { None, Granted, Refused, Deadlocked } verdict = Verdict::None;
    bool is_queued = false;  // is counted in Term::owners
    TableLocks::Hold hold = nullptr;
    TableLocks::Place place = {};
  };
  struct Client {
    storage::NodeEpoch process;
    uint64_t version = 0;
    int64_t sent_us = 0, heard_us = 0;
    std::map<uint64_t, Lock> locks = {};  // locks by the id of the request
    std::set<uint64_t> pending = {};
  };
  struct Term {
    explicit Term(int64_t controller_epoch) : epoch(controller_epoch) {}
    const int64_t epoch;
    int64_t grants_from_us = 0;
    bool grants = false;
    std::set<NodeId> silent;  // nodes that may have locks of the earlier controller
    std::map<std::pair<NodeId, uint64_t>, size_t>
        // number of requests of each owner; the key is the node and the number of the owner on this
        // node
        owners;
    TableLocks table;
    std::map<NodeId, Client> clients;
    std::vector<std::pair<NodeId, uint64_t>>
        waiting;           // requests that arrived before this new controller may grant locks
    std::set<NodeId> due;  // nodes to which new decisions have to be sent
  };
  void change(NodeId from, Client& client, LocksWanted& message);
  void decide(NodeId node, uint64_t id);
  TableLocks::Owner own(NodeId node, uint64_t owner);
  void release(NodeId node, Client& client, uint64_t id);
  void drop(NodeId node);
  void begin_to_grant();
  void answer(NodeId node, bool needs_all);
  void answer_due();

  const Around around_;
  const LockRules rules_;
  std::unique_ptr<Term> term_;  // only while this node is the controller
};

}  // namespace server
