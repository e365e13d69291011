// Rebalances of a classic group: its members join the next generation, and get their assignments.
#include <algorithm>
#include <utility>

#include "server/coordinator/classic_group.h"

namespace server::coordinator {

namespace {

int64_t after_ms(const Clock& clock, int64_t ms) { return clock.monotonic_us() + ms * 1000; }

}  // namespace

void ClassicGroup::set_state(GroupState state) {
  if (state_ == GroupState::Stable)
    for (auto& [id, member] : members_) close_pulse(member);
  state_ = state;
  state_time_ms_ = around_.clock.wall_ms();
}

int64_t ClassicGroup::rebalance_timeout_ms() const {
  int64_t most = 0;
  for (const auto& [id, member] : members_)
    most = std::max<int64_t>(most, member.rebalance_timeout_ms);
  return most;
}

void ClassicGroup::rebalance_or_complete() {
  state_ == GroupState::PreparingRebalance ? complete_if_all_joined() : prepare_rebalance();
}

void ClassicGroup::prepare_rebalance() {
  if (state_ == GroupState::CompletingRebalance)
    for (auto& [id, member] : members_) {
      member.assignment.clear();
      give_assignment(member, kRebalanceInProgress);
    }
  around_.deadlines.cancel(sync_end_);
  is_initial_ = state_ == GroupState::Empty;
  set_state(GroupState::PreparingRebalance);
  if (!is_initial_) {
    join_end_ = around_.deadlines.set(after_ms(around_.clock, rebalance_timeout_ms()),
                                      [this] { complete_join(); });
    return complete_if_all_joined();
  }
  // The members of a starting group arrive one after the other, and each arrival would cause a
  // rebalance. Therefore the first rebalance of an empty group is delayed (KIP-134).
  const int64_t delay_ms = around_.settings.initial_rebalance_delay_ms;
  const int64_t left_ms = std::max<int64_t>(rebalance_timeout_ms() - delay_ms, 0);
  has_new_member_ = false;
  join_end_ = around_.deadlines.set(after_ms(around_.clock, delay_ms),
                                    [this, left_ms] { on_initial_delay(left_ms); });
}

void ClassicGroup::on_initial_delay(int64_t left_ms) {
  join_end_ = {};
  if (!std::exchange(has_new_member_, false) || left_ms == 0) return complete_join();
  const int64_t delay_ms = std::min(around_.settings.initial_rebalance_delay_ms, left_ms);
  join_end_ = around_.deadlines.set(
      after_ms(around_.clock, delay_ms),
      [this, left = std::max<int64_t>(left_ms - delay_ms, 0)] { on_initial_delay(left); });
}

void ClassicGroup::complete_if_all_joined() {
  if (state_ == GroupState::PreparingRebalance && !is_initial_ && pending_.empty() &&
      joining_count_ == members_.size())
    complete_join();
}

void ClassicGroup::complete_join() {
  around_.deadlines.cancel(join_end_);
  // Members that have not joined in time are removed. Members with an instance id are not: they are
  // removed only when their session ends.
  std::vector<std::string> missing;
  for (const auto& [id, member] : members_)
    if (!member.joining && !member.instance_id) missing.push_back(id);
  for (const std::string& id : missing) remove(id, kUnknownMemberId);
  if (!members_.empty() && !elect_leader()) {
    // No member has joined, so none could compute the assignment. The remaining members have
    // instance ids and get another rebalance timeout to join. A member whose session ends meanwhile
    // is removed.
    join_end_ = around_.deadlines.set(after_ms(around_.clock, rebalance_timeout_ms()),
                                      [this] { complete_join(); });
    return;
  }
  begin_generation();
}

bool ClassicGroup::elect_leader() {
  if (const Member* leader = find(leader_); leader && leader->joining) return true;
  const auto other = std::ranges::find_if(
      members_, [](const auto& each) { return each.second.joining != nullptr; });
  if (other == members_.end()) return false;
  leader_ = other->first;
  return true;
}

void ClassicGroup::begin_generation() {
  ++generation_;
  is_initial_ = false;
  is_storing_ = false;
  if (members_.empty()) {
    protocol_.reset();
    leader_.clear();
    set_state(GroupState::Empty);
    return store_(value(),
                  [](KafkaError) {});  // if the append fails, a restart restores the last members
  }
  protocol_ = chosen_protocol();
  set_state(GroupState::CompletingRebalance);
  for (auto& [id, member] : members_) {
    member.owes_sync = true;
    member.is_new = false;
    if (!member.joining) continue;
    answer_join(member, current_generation(member, leader_ == id));
    alive(member);
  }
  sync_end_ = around_.deadlines.set(after_ms(around_.clock, rebalance_timeout_ms()),
                                    [this] { on_sync_overdue(); });
}

// Returns the protocol for the next generation. Each member votes for the first of its protocols that all members
// support. The protocol with the most votes wins; if several have the same number of votes, the first by name wins.
std::string ClassicGroup::chosen_protocol() const {
  std::map<std::string_view, size_t> votes;
  for (const auto& [id, member] : members_)
    for (const GroupProtocol& protocol : member.protocols) {
      const auto known = protocol_counts_.find(protocol.name);
      if (known == protocol_counts_.end() || known->second != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& candidate) { return candidate.second; });
  return most == votes.end() ? std::string() : std::string(most->first);
}

// --- Assignments

void ClassicGroup::sync(SyncGroup request, Done<SyncedGroup> done) {
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return done(request.refusal(error));
  if (request.generation != generation_) return done(request.refusal(kIllegalGeneration));
  if ((request.protocol_type && *request.protocol_type != protocol_type_) ||
      (request.protocol_name && request.protocol_name != protocol_))
    return done(request.refusal(kInconsistentGroupProtocol));
  if (state_ == GroupState::Empty) return done(request.refusal(kUnknownMemberId));
  if (state_ == GroupState::PreparingRebalance) return done(request.refusal(kRebalanceInProgress));
  Member& member = *find(request.member_id);
  member.owes_sync = false;
  // If the member has repeated its request, answers the first one, because the client no longer waits for it.
  give_assignment(member, kRebalanceInProgress);
  member.syncing = std::move(done);
  if (state_ == GroupState::Stable) return give_assignment(member, KafkaError::None);
  if (leader_ == member.id && !is_storing_) assign(std::move(request.assignments));
}

void ClassicGroup::assign(std::map<std::string, std::string> assignments) {
  size_t size = 0;
  for (const auto& [id, assignment] : assignments)
    if (members_.contains(id)) size += assignment.size();
  if (member_bytes_ + size > kMaxGroupBytes)
    return on_assigned(generation_, assignments, KafkaError::UnknownServerError);
  is_storing_ = true;
  const GroupValue value = value_with(&assignments);
  store_(value, [weak = weak_from_this(), generation = generation_,
                 assignments = std::move(assignments)](KafkaError error) mutable {
    const auto self = weak.lock();
    if (self && !self->has_ended_) self->on_assigned(generation, assignments, error);
  });
}

void ClassicGroup::on_assigned(int32_t generation, std::map<std::string, std::string>& assignments,
                               KafkaError error) {
  // If a member has joined or left while the assignment was being stored, a new rebalance is in
  // progress.
  if (state_ != GroupState::CompletingRebalance || generation_ != generation) return;
  is_storing_ = false;
  if (error != KafkaError::None) {
    for (auto& [id, member] : members_) give_assignment(member, error);
    return prepare_rebalance();
  }
  set_state(GroupState::Stable);
  for (auto& [id, member] : members_) {
    const auto found = assignments.find(id);
    member.assignment = found == assignments.end() ? std::string() : std::move(found->second);
    charge(member, false);
    give_assignment(member, KafkaError::None);
  }
}

void ClassicGroup::give_assignment(Member& member, KafkaError error) {
  if (!member.syncing) return;
  SyncedGroup synced{.error = error};
  if (error == KafkaError::None) {
    synced.protocol_type = protocol_type_;
    synced.protocol_name = protocol_;
    synced.assignment = member.assignment;
  }
  std::exchange(member.syncing, nullptr)(std::move(synced));
  alive(member);
}

// Removes the members that have joined but have not asked for their assignment in time. They may be
// gone, and then the partitions that are assigned to them would have no reader (KAFKA-13435).
void ClassicGroup::on_sync_overdue() {
  sync_end_ = {};
  std::vector<std::string> missing;
  for (const auto& [id, member] : members_)
    if (member.owes_sync) missing.push_back(id);
  for (const std::string& id : missing) remove(id, kUnknownMemberId);
  if (!missing.empty()) rebalance_without();
}

}  // namespace server::coordinator
