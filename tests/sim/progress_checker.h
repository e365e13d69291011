// That nobody is made a leader who does not learn of it, or has no room for records.
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

// A controller that goes on for long enough knows who does not read what it has read itself, and whose disk is full. It
// elects none of these while there is somebody else in sync.
class ProgressChecker {
 public:
  // `patience_us`: what the controller has noticed by then at the latest.
  ProgressChecker(const EventQueue& queue, const SimNetwork& network, Findings& findings,
                  int64_t patience_us)
      : queue_(queue), network_(network), findings_(findings), patience_us_(patience_us) {}

  // After whatever has happened on the node.
  void check(SimNode& node);
  // A command of `controller` is to change an assignment, by its own decision of `decided_us`: etcd may be slow to take
  // it. `cluster` is as the command leaves it.
  void check_election(int64_t decided_us, SimNode& controller, SimNode& elected,
                      const storage::ClusterSnapshot& cluster,
                      const storage::PartitionAssignment& assignment);
  // Likewise.
  void check_room(int64_t decided_us, SimNode& controller, SimNode& elected,
                  const std::vector<std::unique_ptr<SimNode>>& nodes,
                  const storage::ClusterSnapshot& cluster,
                  const storage::PartitionAssignment& assignment);

 private:
  // A session of silence; what is said comes a fifth of a second late, at most.
  static constexpr int64_t kHeardOfUs = 700'000;
  struct Seen {
    uint64_t life = 0;
    int64_t at_us = 0;
    int64_t runs_since_us = 0, decides_since_us = 0;  // without a pause
    int64_t full_since_us = 0, has_room_since_us = 0, in_touch_since_us = 0;
    std::deque<std::pair<int64_t, Revision>> read;  // when it had read up to which
  };
  // Of the process that runs there now; null before anything has happened on it.
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
