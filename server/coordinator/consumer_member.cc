#include "server/coordinator/consumer_member.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace server::coordinator {

bool contains(const AssignedPartitions& all, const TopicIdPartition& one) {
  return std::ranges::binary_search(all, one);
}

AssignedPartitions minus(const AssignedPartitions& from, const AssignedPartitions& taken) {
  AssignedPartitions left;
  std::ranges::set_difference(from, taken, std::back_inserter(left));
  return left;
}

namespace {

bool has_any(const AssignedPartitions& all, const AssignedPartitions& of) {
  return std::ranges::any_of(of, [&](const auto& each) { return contains(all, each); });
}

void set_epoch(ConsumerMember& member, int32_t epoch) {
  member.previous_epoch = member.epoch;
  member.epoch = epoch;
}

// Makes one step towards the target. `epoch` is the epoch to which the member's current partitions
// belong.
void next_step(ConsumerMember& member, int32_t epoch, int32_t target_epoch,
               const std::function<bool(const TopicIdPartition&)>& is_free,
               const std::optional<AssignedPartitions>& owned) {
  AssignedPartitions kept;
  std::ranges::set_intersection(member.assigned, member.target, std::back_inserter(kept));
  AssignedPartitions to_revoke = minus(member.assigned, kept);
  AssignedPartitions coming = minus(member.target, kept);
  const size_t waited_for =
      std::erase_if(coming, [&](const TopicIdPartition& each) { return !is_free(each); });

  member.assigned = std::move(kept);
  if (!to_revoke.empty() && (!owned || has_any(*owned, to_revoke))) {
    // The member stays in its epoch until it confirms that it has given up the partitions.
    member.state = MemberState::UnrevokedPartitions;
    set_epoch(member, epoch);
    member.revoking = std::move(to_revoke);
    return;
  }
  AssignedPartitions all;
  std::ranges::merge(member.assigned, coming, std::back_inserter(all));
  member.assigned = std::move(all);
  member.revoking.clear();
  member.state = waited_for > 0 ? MemberState::UnreleasedPartitions : MemberState::Stable;
  set_epoch(member, target_epoch);
}

}  // namespace

bool reconcile(ConsumerMember& member, int32_t target_epoch,
               const std::function<bool(const TopicIdPartition&)>& is_free,
               const std::optional<AssignedPartitions>& owned) {
  if (member.is_reconciled(target_epoch)) return false;
  const auto before = std::tuple(member.epoch, member.state, member.assigned, member.revoking);
  const int32_t previous_epoch = member.previous_epoch;
  if (member.state == MemberState::UnrevokedPartitions) {
    // `revoking` has the partitions that the member must give up. The member has given up those that are missing in
    // `owned`. Without `owned`, it may still have all of them.
    if (!owned || has_any(*owned, member.revoking)) return false;
    next_step(member, member.epoch + 1, target_epoch, is_free, owned);
  } else {
    next_step(member, member.epoch, target_epoch, is_free, owned);
  }
  if (before == std::tuple(member.epoch, member.state, member.assigned, member.revoking)) {
    // The member still waits for partitions of other members, so its previous epoch is not changed.
    member.previous_epoch = previous_epoch;
    return false;
  }
  return true;
}

}  // namespace server::coordinator
