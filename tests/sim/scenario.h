// One run: a cluster is under load and attacked, then healed, then checked; and a node without a
// cluster.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "server/cluster/cluster_node.h"
#include "tests/sim/lone_scenario.h"
#include "tests/sim/sim_coordinators.h"
#include "tests/sim/sim_task.h"

namespace sim {

// Rules of the product that a test can switch off, to show that the checkers find the resulting
// error.
struct Rules : server::ClusterRules {
  TransactionSimRules transactions_here;
  SimTaskRules tasks_here;
  LoneRules lone;
};

struct Options {
  uint64_t seed = 1;
  bool is_verbose = false;
  Rules rules;
};

struct Outcome {
  std::vector<std::string> findings;
  uint64_t digest = 0;  // digest of all events of the run
  size_t acknowledged = 0, visible = 0, committed = 0;
  size_t snapshots = 0;  // number of snapshots of the metadata
  size_t trimmed = 0;    // number of journal offsets that were trimmed
  LoneOutcome lone;
};

Outcome run(const Options& options);

}  // namespace sim
