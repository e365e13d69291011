#include "tests/sim/progress_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/log/log_statistics.h"

namespace sim {

const ProgressChecker::Seen* ProgressChecker::find_seen(SimNode& node) const {
  const auto found = seen_.find(node.id());
  return node.is_running() && found != seen_.end() && found->second.life == node.life()
             ? &found->second
             : nullptr;
}

// Returns whether the node runs without a pause. A running node has something to do every few milliseconds, so a longer
// pause means that it is or was frozen.
bool ProgressChecker::goes_on(const Seen& seen) const {
  constexpr int64_t kPauseUs = 50'000;
  return queue_.now_us() - seen.at_us <= kPauseUs;
}

Revision ProgressChecker::read_at(const Seen& seen, int64_t at_us) {
  Revision read{0};
  for (const auto& [since_us, revision] : seen.read)
    if (since_us <= at_us) read = revision;
  return read;
}

void ProgressChecker::check(SimNode& node) {
  if (!node.is_running()) return;
  const int64_t now_us = queue_.now_us();
  Seen& seen = seen_[node.id()];
  if (seen.life != node.life() || !goes_on(seen))
    seen = {.life = node.life(),
            .runs_since_us = now_us,
            .decides_since_us = now_us,
            .full_since_us = now_us,
            .has_room_since_us = now_us,
            .in_touch_since_us = now_us,
            .read = {}};
  seen.at_us = now_us;
  if (!node.cluster()->is_controller()) seen.decides_since_us = now_us;
  (storage::statistics_of(*node.log()).refuses_appends ? seen.has_room_since_us
                                                       : seen.full_since_us) = now_us;
  if (node.cluster()->is_out_of_touch()) seen.in_touch_since_us = now_us;
  const Revision revision = node.cluster()->metadata().last_revision();
  if (seen.read.empty() || seen.read.back().second < revision)
    seen.read.emplace_back(now_us, revision);
  while (seen.read.size() > 1 && seen.read[1].first <= now_us - patience_us_) seen.read.pop_front();
}

void ProgressChecker::check_election(int64_t decided_us, SimNode& controller, SimNode& elected,
                                     const storage::ClusterSnapshot& cluster,
                                     const storage::PartitionAssignment& assignment) {
  const int64_t noticed_us = decided_us - patience_us_;
  const Seen* const decides = find_seen(controller);
  const Seen* const leads = find_seen(elected);
  if (decides == nullptr || decides->decides_since_us > noticed_us ||
      decides->read.front().first > noticed_us)
    return;
  if (leads == nullptr || leads->runs_since_us > noticed_us) return;
  // A controller has no recent reports from a node that it cannot hear. If it hears no other node either, it decides
  // nothing.
  if (!network_.is_open_since(elected.id(), controller.id(), noticed_us)) return;
  const bool has_others = std::ranges::any_of(assignment.isr, [&](NodeId id) {
    const storage::ClusterNode* node = cluster.find(id);
    return id != elected.id() && node != nullptr && !node->is_fenced;
  });
  const Revision read = elected.cluster()->metadata().last_revision();
  if (!has_others || read >= decides->read.front().second) return;
  findings_.add(fmt::format(
      "node {} is elected for partition {} of topic {}, but has read only up to {}; the "
      "controller has known {} for a long time",
      elected.id().value(), assignment.partition.partition.value(),
      assignment.partition.topic.bytes[0], read.value(), decides->read.front().second.value()));
}

void ProgressChecker::check_room(int64_t decided_us, SimNode& controller, SimNode& elected,
                                 const std::vector<std::unique_ptr<SimNode>>& nodes,
                                 const storage::ClusterSnapshot& cluster,
                                 const storage::PartitionAssignment& assignment) {
  const int64_t heard_of_us = decided_us - kHeardOfUs;
  const Seen* const decides = find_seen(controller);
  const Seen* const leads = find_seen(elected);
  if (decides == nullptr || decides->decides_since_us > heard_of_us) return;
  if (leads == nullptr || !goes_on(*leads) || leads->full_since_us > heard_of_us) return;
  for (const auto& node : nodes) {
    const storage::ClusterNode* known = cluster.find(node->id());
    const Seen* const seen = find_seen(*node);
    const bool could_lead =
        seen != nullptr && goes_on(*seen) && assignment.is_in_sync(node->id()) && known &&
        !known->is_fenced && !node->cluster()->is_leaving() &&
        seen->has_room_since_us <= heard_of_us && seen->in_touch_since_us <= heard_of_us &&
        network_.is_open_since(node->id(), controller.id(), heard_of_us);
    // A node whose metadata is behind, or was behind when the controller last heard it, is not a better
    // leader.
    if (!could_lead || seen->read.front().second < decides->read.front().second ||
        read_at(*seen, heard_of_us) < read_at(*decides, heard_of_us) ||
        seen->read.back().second < decides->read.back().second)
      continue;
    findings_.add(fmt::format(
        "node {} is elected for partition {} of topic {}, but its disk has been full for "
        "a long time; node {} has space",
        elected.id().value(), assignment.partition.partition.value(),
        assignment.partition.topic.bytes[0], node->id().value()));
    return;
  }
}

}  // namespace sim
