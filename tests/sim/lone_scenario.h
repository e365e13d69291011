// Runs a single node: a task commits to the node's log (server/tasks/log_ports.h), while the node is killed, loses
// power during a commit or has a full disk; then the task is built again.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sim {

// Rules of the product that a test can switch off, to show that the checkers find the resulting error.
struct LoneRules {
  // Outputs are appended in the commit of the entry that contains their effects.
  bool appends_outputs_with_entry = true;
  // The journal is trimmed after the checkpoint is durable.
  bool trims_after_checkpoint = true;
};

struct LoneOutcome {
  std::vector<std::string> findings;
  uint64_t digest = 0;  // digest of all events of the run
  size_t committed = 0, restarts = 0, trimmed = 0;
};

LoneOutcome run_lone(uint64_t seed, const LoneRules& rules, bool is_verbose);

}  // namespace sim
