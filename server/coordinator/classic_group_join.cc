// Requests with which members join a classic group (JoinGroup).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/coordinator/classic_group.h"

namespace server::coordinator {

namespace {

// Removes protocols whose name has occurred before in the list.
void drop_repeated(std::vector<GroupProtocol>& protocols) {
  std::vector<GroupProtocol> kept;
  for (GroupProtocol& each : protocols)
    if (std::ranges::find(kept, each.name, &GroupProtocol::name) == kept.end())
      kept.push_back(std::move(each));
  protocols = std::move(kept);
}

}  // namespace

void ClassicGroup::join(JoinGroup request, Done<JoinedGroup> done) {
  drop_repeated(request.protocols);
  if (!accepts(request.member_id)) {
    remove(request.member_id, kGroupMaxSizeReached);
    return done({.error = kGroupMaxSizeReached});
  }
  if (!shares_protocol(request)) return done(request.refusal(kInconsistentGroupProtocol));
  request.member_id.empty() ? join_new(request, done) : join_known(request, done);
  complete_if_all_joined();
}

// Returns whether the group has space for the member. During a rebalance, members that have not joined again do not
// count, so that new members can replace members that have disappeared.
bool ClassicGroup::accepts(const std::string& member_id) const {
  const auto most = static_cast<size_t>(around_.settings.max_size);
  const auto found = members_.find(member_id);
  switch (state_) {
    case GroupState::Empty:
      return true;
    case GroupState::PreparingRebalance:
      return (found != members_.end() && found->second.joining) || joining_count_ < most;
    case GroupState::CompletingRebalance:
    case GroupState::Stable:
      return found != members_.end() || members_.size() < most;
  }
  return false;
}

bool ClassicGroup::shares_protocol(const JoinGroup& request) const {
  if (request.protocol_type.empty() || request.protocols.empty()) return false;
  if (members_.empty()) return true;
  if (request.protocol_type != protocol_type_) return false;
  return std::ranges::any_of(request.protocols, [&](const GroupProtocol& protocol) {
    const auto found = protocol_counts_.find(protocol.name);
    return found != protocol_counts_.end() && found->second == members_.size();
  });
}

void ClassicGroup::join_new(JoinGroup& request, Done<JoinedGroup>& done) {
  std::string id = new_member_id(request);
  if (request.instance_id) return join_as_instance(request, done, id);
  if (request.needs_member_id) return tell_member_id(request, done);
  add_and_rebalance(request, std::move(id), done);
}

std::string ClassicGroup::new_member_id(const JoinGroup& request) const {
  constexpr size_t kMostOfName = 255;
  return fmt::format("{}-{}",
                     request.instance_id.value_or(request.client_id).substr(0, kMostOfName),
                     around_.new_id().to_string());
}

// Answers the first request of a client with a new member id. The client has to join again with
// this id. Without this step a client whose answers are lost would join repeatedly as a new member
// (KIP-394).
void ClassicGroup::tell_member_id(const JoinGroup& request, Done<JoinedGroup>& done) {
  if (pending_.size() >= kMaxPendingMembers) forget_pending(pending_by_age_.begin()->second);
  const std::string id = new_member_id(request);
  PendingMember& pending = pending_[id];
  pending.age = ++last_age_;
  pending_by_age_.emplace(pending.age, id);
  pending.expiry = around_.deadlines.set(
      around_.clock.monotonic_us() + int64_t{request.session_timeout_ms} * 1000, [this, id] {
        forget_pending(id);
        complete_if_all_joined();
      });
  done({.error = kMemberIdRequired, .member_id = id});
}

void ClassicGroup::forget_pending(const std::string& id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  around_.deadlines.cancel(found->second.expiry);
  pending_by_age_.erase(found->second.age);
  pending_.erase(found);
}

void ClassicGroup::join_known(JoinGroup& request, Done<JoinedGroup>& done) {
  if (pending_.contains(request.member_id)) {
    if (request.instance_id) return done(request.refusal(kUnknownMemberId));
    return add_and_rebalance(request, request.member_id, done);
  }
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return done(request.refusal(error));
  Member& member = *find(request.member_id);
  const bool is_same = member.protocols == request.protocols;
  switch (state_) {
    case GroupState::Empty:
      return done(request.refusal(kUnknownMemberId));
    case GroupState::PreparingRebalance:
      break;
    case GroupState::CompletingRebalance:
      // The answer to the member's first request was lost. It gets the same answer again.
      if (is_same) return done(current_generation(member, leader_ == member.id));
      break;
    case GroupState::Stable:
      // A follower that repeats its request gets the same answer. A leader that joins again wants a
      // new assignment, so it causes a rebalance.
      if (is_same && leader_ != member.id) return done(current_generation(member, false));
      break;
  }
  update_and_rebalance(member, request, done);
}

// Gives a process with a known instance id the place of its predecessor in the group, and fences
// the predecessor (KIP-345).
void ClassicGroup::join_as_instance(JoinGroup& request, Done<JoinedGroup>& done,
                                    const std::string& new_id) {
  const auto known = instances_.find(*request.instance_id);
  if (known == instances_.end()) return add_and_rebalance(request, new_id, done);
  Member before = *find(known->second);  // restored if the change cannot be stored
  before.joining = nullptr;
  before.syncing = nullptr;
  Member* member = replace_instance(*find(known->second), new_id);
  if (state_ == GroupState::Stable) {
    update(*member, request);
    alive(*member);
    if (chosen_protocol() == protocol_)
      return replace_stable_instance(request, std::move(before), new_id, std::move(done));
    set_joining(*member, std::move(done));
    return prepare_rebalance();
  }
  update_and_rebalance(*member, request, done);
}

ClassicGroup::Member* ClassicGroup::replace_instance(Member& old, const std::string& new_id) {
  const std::string old_id = old.id;
  close_pulse(old);
  answer_join(old, {.error = kFencedInstanceId, .member_id = old_id});
  give_assignment(old, kFencedInstanceId);
  around_.deadlines.cancel(old.session);
  auto node = members_.extract(old_id);
  node.key() = new_id;
  Member& member = members_.insert(std::move(node)).position->second;
  member.id = new_id;
  instances_[*member.instance_id] = new_id;
  if (leader_ == old_id) leader_ = new_id;
  return &member;
}

// Replaces a member of a stable group by a new process with the same instance id, without a rebalance: the other
// members keep their generation. If the change cannot be stored, it is undone.
void ClassicGroup::replace_stable_instance(const JoinGroup& request, Member before,
                                           const std::string& id, Done<JoinedGroup> done) {
  const std::string leader = leader_ == id ? before.id : leader_;
  store_(value(), [weak = weak_from_this(), request, id, leader, before = std::move(before),
                   done = std::move(done)](KafkaError error) {
    const auto self = weak.lock();
    Member* member = self && !self->has_ended_ ? self->find(id) : nullptr;
    if (!member) return done(request.refusal(kUnknownMemberId));
    if (error != KafkaError::None) {
      Member* old = self->replace_instance(*member, before.id);
      self->count_protocols(*old, -1);
      old->protocols = before.protocols;
      old->session_timeout_ms = before.session_timeout_ms;
      old->rebalance_timeout_ms = before.rebalance_timeout_ms;
      self->count_protocols(*old, 1);
      self->charge(*old, false);
      self->alive(*old);
      return done(request.refusal(error));
    }
    const bool leads = self->leader_ == id;
    JoinedGroup joined = self->current_generation(*member, leads && request.can_skip_assignment);
    // No member waits for an assignment, so the leader must not compute one now. The answer
    // prevents this by skips_assignment (KIP-814) or, for an older client, by naming another member
    // as the leader.
    joined.skips_assignment = leads && request.can_skip_assignment;
    if (!request.can_skip_assignment) joined.leader = leader;
    done(std::move(joined));
  });
}

void ClassicGroup::add_and_rebalance(JoinGroup& request, std::string id, Done<JoinedGroup>& done) {
  Member made{.id = std::move(id),
              .instance_id = request.instance_id,
              .client_id = request.client_id,
              .client_host = request.client_host,
              .rebalance_timeout_ms = request.rebalance_timeout_ms,
              .session_timeout_ms = request.session_timeout_ms,
              .protocols = std::move(request.protocols),
              .is_new = true};
  if (!charge(made, true)) {
    request.member_id = made.id;
    return done(request.refusal(kGroupMaxSizeReached));
  }
  forget_pending(made.id);
  if (members_.empty()) protocol_type_ = request.protocol_type;
  Member& member = insert(std::move(made));
  if (leader_.empty()) leader_ = member.id;
  if (state_ == GroupState::PreparingRebalance && generation_ == 0) has_new_member_ = true;
  set_joining(member, std::move(done));
  alive(member, kNewMemberJoinTimeoutMs);
  rebalance_or_complete();
}

void ClassicGroup::update(Member& member, JoinGroup& request) {
  count_protocols(member, -1);
  member.protocols = std::move(request.protocols);
  count_protocols(member, 1);
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  charge(member, false);
}

void ClassicGroup::update_and_rebalance(Member& member, JoinGroup& request,
                                        Done<JoinedGroup>& done) {
  update(member, request);
  set_joining(member, std::move(done));
  alive(member);
  rebalance_or_complete();
}

JoinedGroup ClassicGroup::current_generation(const Member& member, bool with_members) const {
  JoinedGroup joined{.generation = generation_,
                     .protocol_type = protocol_type_,
                     .protocol_name = protocol_,
                     .leader = leader_,
                     .member_id = member.id};
  if (with_members) joined.members = joined_members();
  return joined;
}

std::vector<JoinedGroup::Member> ClassicGroup::joined_members() const {
  std::vector<JoinedGroup::Member> all;
  all.reserve(members_.size());
  for (const auto& [id, member] : members_) {
    JoinedGroup::Member& each = all.emplace_back(JoinedGroup::Member{id, member.instance_id, ""});
    for (const GroupProtocol& protocol : member.protocols)
      if (protocol.name == protocol_) each.metadata = protocol.metadata;
  }
  return all;
}

}  // namespace server::coordinator
