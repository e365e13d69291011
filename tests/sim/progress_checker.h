// Checks that no node is elected leader while it does not learn of the election or while its disk is full.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "storage/meta/cluster_table.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/findings.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_node.h"

namespace sim {

// A controller that has run for patience_us without a pause knows which nodes have not read the
// newest metadata, and which disks are full. It elects none of these nodes while another node is in
// sync.
class ProgressChecker {
 public:
  // `patience_us` is the time within which the controller has noticed any change.
  ProgressChecker(const EventQueue& queue, const SimNetwork& network, Findings& findings,
                  int64_t patience_us)
      : queue_(queue), network_(network), findings_(findings), patience_us_(patience_us) {}

  // Called after each event on the node.
  void check(SimNode& node);
  // Checks a command of `controller` that changes an assignment. The controller decided on it at `decided_us`, because
  // etcd may be slow to accept it. `cluster` is the state after the command.
  void check_election(int64_t decided_us, SimNode& controller, SimNode& elected,
                      const storage::ClusterSnapshot& cluster,
                      const storage::PartitionAssignment& assignment);
  // Checks, with the same parameters, that no node with a full disk is elected.
  void check_room(int64_t decided_us, SimNode& controller, SimNode& elected,
                  const std::vector<std::unique_ptr<SimNode>>& nodes,
                  const storage::ClusterSnapshot& cluster,
                  const storage::PartitionAssignment& assignment);

 private:
  // The sum of the session timeout and the delay of reports, which is at most a fifth of a second.
  static constexpr int64_t kHeardOfUs = 700'000;
  struct Seen {
    uint64_t life = 0;
    int64_t at_us = 0;
    // Since runs_since_us the process runs without a pause, and since decides_since_us it has been the controller
    // without a pause.
    int64_t runs_since_us = 0, decides_since_us = 0;
    int64_t full_since_us = 0, has_room_since_us = 0, in_touch_since_us = 0;
    // the revisions that the node had read, and the times at which it had read them
    std::deque<std::pair<int64_t, Revision>> read;
  };
  // The observations about the running process of the node; null before its first event.
  const Seen* find_seen(SimNode& node) const;
  bool goes_on(const Seen& seen) const;
  static Revision read_at(const Seen& seen, int64_t at_us);

  const EventQueue& queue_;
  const SimNetwork& network_;
  Findings& findings_;
  const int64_t patience_us_;
  std::map<NodeId, Seen> seen_;
};

}  // namespace sim
