// Collects the violations that a run has found, and a trace of its events.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/event_queue.h"

namespace sim {

// The digest covers all lines of the trace, so two runs with one seed have the same digest.
class Findings {
 public:
  Findings(const EventQueue& queue, bool is_verbose) : queue_(queue), is_verbose_(is_verbose) {}
  void trace(std::string_view line);
  void add(std::string finding);
  const std::vector<std::string>& all() const { return all_; }
  uint64_t digest() const { return digest_; }

 private:
  const EventQueue& queue_;
  const bool is_verbose_;
  std::vector<std::string> all_;
  uint64_t digest_ = 1469598103934665603ULL;
};

}  // namespace sim
