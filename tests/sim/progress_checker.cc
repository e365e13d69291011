#include "tests/sim/progress_checker.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim {

void ProgressChecker::check(SimNode& node) {
  if (!node.is_running()) return;
  constexpr int64_t kPauseUs = 50'000;  // it was frozen: a node has something to do every few milliseconds
  const int64_t now_us = queue_.now_us();
  Seen& seen = seen_[node.id()];
  const bool goes_on = seen.life == node.life() && now_us - seen.at_us <= kPauseUs;
  if (!goes_on) seen = {.life = node.life(), .runs_since_us = now_us, .decides_since_us = now_us, .read = {}};
  seen.at_us = now_us;
  if (!node.cluster()->is_controller()) seen.decides_since_us = now_us;
  const Revision revision = node.cluster()->metadata().last_revision();
  if (seen.read.empty() || seen.read.back().second < revision)
    seen.read.emplace_back(now_us, revision);
  while (seen.read.size() > 1 && seen.read[1].first <= now_us - patience_us_)
    seen.read.pop_front();
}

void ProgressChecker::check_election(SimNode& controller, SimNode& elected,
                                     const storage::ClusterSnapshot& cluster,
                                     const storage::PartitionAssignment& assignment) {
  const int64_t noticed_us = queue_.now_us() - patience_us_;
  const Seen& decides = seen_[controller.id()];
  const Seen& leads = seen_[elected.id()];
  if (decides.decides_since_us > noticed_us || leads.runs_since_us > noticed_us) return;
  if (!elected.is_running() || decides.read.front().first > noticed_us) return;
  const bool has_others = std::ranges::any_of(assignment.isr, [&](NodeId id) {
    const storage::ClusterNode* node = cluster.find(id);
    return id != elected.id() && node != nullptr && !node->is_fenced;
  });
  const Revision read = elected.cluster()->metadata().last_revision();
  if (!has_others || read >= decides.read.front().second) return;
  findings_.add(
      fmt::format("node {} is to lead partition {} of topic {}, and has read up to {} where the "
                  "controller has known {} for long",
                  elected.id().value(), assignment.partition.partition.value(),
                  assignment.partition.topic.bytes[0], read.value(),
                  decides.read.front().second.value()));
}

}  // namespace sim
