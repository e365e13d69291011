#include "server/coordinator/classic_group.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/consumer_protocol.h"

namespace server::coordinator {

namespace {

constexpr size_t kBytesOfMember = 700;  // approximate, with map entries, without texts

size_t size_of(const std::vector<GroupProtocol>& protocols) {
  size_t size = 0;
  for (const GroupProtocol& each : protocols) size += each.name.size() + each.metadata.size() + 80;
  return size;
}

}  // namespace

std::string_view name(GroupState state) {
  switch (state) {
    case GroupState::Empty:
      return "Empty";
    case GroupState::PreparingRebalance:
      return "PreparingRebalance";
    case GroupState::CompletingRebalance:
      return "CompletingRebalance";
    case GroupState::Stable:
      return "Stable";
  }
  return "";
}

ClassicGroup::ClassicGroup(std::string id, GroupSurroundings& around, Store store)
    : id_(std::move(id)),
      around_(around),
      store_(std::move(store)),
      state_time_ms_(around.clock.wall_ms()) {}

ClassicGroup::~ClassicGroup() { end(kNotCoordinator); }

void ClassicGroup::restore(GroupValue value) {
  protocol_type_ = std::move(value.protocol_type);
  generation_ = value.generation;
  protocol_ = std::move(value.protocol);
  leader_ = value.leader.value_or("");
  if (value.state_time_ms >= 0) state_time_ms_ = value.state_time_ms;
  state_ = value.members.empty() ? GroupState::Empty : GroupState::Stable;
  for (GroupValue::Member& each : value.members) {
    Member& member = insert({.id = std::move(each.id),
                             .instance_id = std::move(each.instance_id),
                             .client_id = std::move(each.client_id),
                             .client_host = std::move(each.client_host),
                             .rebalance_timeout_ms = each.rebalance_timeout_ms,
                             .session_timeout_ms = each.session_timeout_ms,
                             .protocols = {{protocol_.value_or(""), std::move(each.subscription)}},
                             .assignment = std::move(each.assignment)});
    charge(member, false);
  }
}

void ClassicGroup::resume() {
  for (auto& [id, member] : members_) alive(member);
}

void ClassicGroup::end(KafkaError why) {
  if (std::exchange(has_ended_, true)) return;
  around_.deadlines.cancel(join_end_);
  around_.deadlines.cancel(sync_end_);
  for (auto& [id, pending] : pending_) around_.deadlines.cancel(pending.expiry);
  for (auto& [id, member] : members_) {
    close_pulse(member);
    around_.deadlines.cancel(member.session);
    answer_join(member, {.error = why, .member_id = id});
    give_assignment(member, why);
  }
  around_.size.shrink(member_bytes_);
  member_bytes_ = 0;
}

GroupHeartbeatAnswer ClassicGroup::heartbeat(const GroupHeartbeat& request) {
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return {.error = error};
  if (request.generation != generation_) return {.error = kIllegalGeneration};
  if (state_ == GroupState::Empty) return {.error = kUnknownMemberId};
  Member& member = *find(request.member_id);
  alive(member);
  if (state_ == GroupState::PreparingRebalance) return {.error = kRebalanceInProgress};
  if (state_ != GroupState::Stable || request.instance_id) return {};
  if (!member.pulse) member.pulse = std::make_shared<MemberPulse>();
  return {.pulse = member.pulse};
}

LeftGroup ClassicGroup::leave(const LeaveGroup& request) {
  LeftGroup left;
  for (const LeaveGroup::Member& leaving : request.members)
    left.members.push_back({leaving.id, leaving.instance_id, leave(leaving)});
  return left;
}

KafkaError ClassicGroup::leave(const LeaveGroup::Member& leaving) {
  std::string id = leaving.id;
  if (id.empty() && leaving.instance_id) {  // administrators name the instance, not the member id
    const auto found = instances_.find(*leaving.instance_id);
    if (found == instances_.end()) return kUnknownMemberId;
    id = found->second;
  } else if (pending_.contains(id)) {
    if (leaving.instance_id) return kUnknownMemberId;
    forget_pending(id);
    complete_if_all_joined();
    return KafkaError::None;
  } else if (const KafkaError error = check_member(id, leaving.instance_id);
             error != KafkaError::None) {
    return error;
  }
  remove(id, kUnknownMemberId);
  rebalance_without();
  return KafkaError::None;
}

KafkaError ClassicGroup::check_commit(const CommitOffsets& request) {
  if (!request.is_of_member())
    return state_ == GroupState::Empty ? KafkaError::None : kUnknownMemberId;
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return error;
  if (request.generation != generation_) return kIllegalGeneration;
  if (state_ == GroupState::CompletingRebalance) return kRebalanceInProgress;
  alive(*find(request.member_id));
  return KafkaError::None;
}

bool ClassicGroup::is_consumer() const { return protocol_type_ == kConsumerProtocolType; }

std::optional<std::vector<std::string>> ClassicGroup::subscribed_topics() const {
  if (!is_consumer() || !protocol_) return std::nullopt;
  std::vector<std::string> topics;
  for (const auto& [id, member] : members_)
    for (const GroupProtocol& protocol : member.protocols) {
      if (protocol.name != *protocol_) continue;
      auto subscribed = read_subscribed_topics(protocol.metadata);
      if (!subscribed) return std::nullopt;
      topics.insert(topics.end(), std::make_move_iterator(subscribed->begin()),
                    std::make_move_iterator(subscribed->end()));
    }
  std::ranges::sort(topics);
  topics.erase(std::ranges::unique(topics).begin(), topics.end());
  return topics;
}

// Describes the group. Metadata and assignments are shown only for a stable group (as in Kafka),
// because during a rebalance they can belong to different generations.
GroupDescription ClassicGroup::describe() const {
  GroupDescription described{
      .group_id = id_, .state = std::string(name(state_)), .protocol_type = protocol_type_};
  const bool is_stable = state_ == GroupState::Stable;
  if (is_stable) described.protocol_name = protocol_.value_or("");
  for (const auto& [id, member] : members_) {
    auto& shown = described.members.emplace_back(GroupDescription::Member{
        id, member.instance_id, member.client_id, member.client_host, "", ""});
    if (!is_stable) continue;
    shown.assignment = member.assignment;
    for (const GroupProtocol& protocol : member.protocols)
      if (protocol.name == protocol_) shown.metadata = protocol.metadata;
  }
  return described;
}

GroupValue ClassicGroup::value() const { return value_with(nullptr); }

GroupValue ClassicGroup::value_with(const std::map<std::string, std::string>* assignments) const {
  GroupValue value{.protocol_type = protocol_type_,
                   .generation = generation_,
                   .protocol = protocol_,
                   .state_time_ms = state_time_ms_};
  if (!leader_.empty()) value.leader = leader_;
  for (const auto& [id, member] : members_) {
    GroupValue::Member& stored = value.members.emplace_back(
        GroupValue::Member{id, member.instance_id, member.client_id, member.client_host,
                           member.rebalance_timeout_ms, member.session_timeout_ms});
    for (const GroupProtocol& protocol : member.protocols)
      if (protocol.name == protocol_) stored.subscription = protocol.metadata;
    stored.assignment = member.assignment;
    if (assignments) {
      const auto found = assignments->find(id);
      stored.assignment = found == assignments->end() ? std::string() : found->second;
    }
  }
  return value;
}

std::vector<ClassicGroup::MemberToMove> ClassicGroup::members_to_move() const {
  std::vector<MemberToMove> all;
  for (GroupValue::Member& each : value().members) {
    auto protocols = members_.find(each.id)->second.protocols;
    all.push_back({std::move(each), std::move(protocols)});
  }
  return all;
}

// --- Members

KafkaError ClassicGroup::check_member(const std::string& id,
                                      const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto found = instances_.find(*instance_id);
    if (found == instances_.end()) return kUnknownMemberId;
    // The request names an instance that now belongs to another member: another process has taken
    // over the instance (KIP-345).
    if (found->second != id) return kFencedInstanceId;
  }
  return members_.contains(id) ? KafkaError::None : kUnknownMemberId;
}

ClassicGroup::Member* ClassicGroup::find(const std::string& id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

ClassicGroup::Member& ClassicGroup::insert(Member member) {
  if (member.instance_id) instances_[*member.instance_id] = member.id;
  count_protocols(member, 1);
  std::string id = member.id;
  return members_.emplace(std::move(id), std::move(member)).first->second;
}

void ClassicGroup::count_protocols(const Member& member, int by) {
  for (const GroupProtocol& protocol : member.protocols) {
    size_t& count = protocol_counts_[protocol.name];
    count = static_cast<size_t>(static_cast<int64_t>(count) + by);
    if (count == 0) protocol_counts_.erase(protocol.name);
  }
}

// Charges the member's current bytes to the group and to the memory budget. If `must_fit` and the group would be too
// large or the budget is exhausted, it returns false and changes nothing.
bool ClassicGroup::charge(Member& member, bool must_fit) {
  const size_t bytes = kBytesOfMember + member.client_id.size() + member.client_host.size() +
                       size_of(member.protocols) + member.assignment.size();
  if (bytes > member.charged) {
    const size_t more = bytes - member.charged;
    if (must_fit && (member_bytes_ + more > kMaxGroupBytes || !around_.size.try_grow(more)))
      return false;
    if (!must_fit) around_.size.grow(more);
    member_bytes_ += more;
  } else {
    around_.size.shrink(member.charged - bytes);
    member_bytes_ -= member.charged - bytes;
  }
  member.charged = bytes;
  return true;
}

void ClassicGroup::set_joining(Member& member, Done<JoinedGroup> done) {
  // The client has given up waiting and has sent its request again. The callback of the first
  // request is still set, and is answered here.
  answer_join(member, {.error = kRebalanceInProgress, .member_id = member.id});
  member.joining = std::move(done);
  ++joining_count_;
}

void ClassicGroup::answer_join(Member& member, JoinedGroup answer) {
  if (!member.joining) return;
  --joining_count_;
  std::exchange(member.joining, nullptr)(std::move(answer));
}

// Extends the member's session. Heartbeats are frequent, so they only move the end of the session and leave the timer
// unchanged, unless the new end is before the timer's. A timer that fires before the end is set again
// (on_session_end()).
void ClassicGroup::alive(Member& member, std::optional<int64_t> for_ms) {
  member.expires_us =
      around_.clock.monotonic_us() + for_ms.value_or(int64_t{member.session_timeout_ms}) * 1000;
  if (!member.session.is_set() || member.session.at_us > member.expires_us) watch(member);
}

void ClassicGroup::watch(Member& member) {
  around_.deadlines.cancel(member.session);
  if (has_ended_) return;
  member.session =
      around_.deadlines.set(member.expires_us, [this, id = member.id] { on_session_end(id); });
}

void ClassicGroup::on_session_end(const std::string& id) {
  Member& member = members_.find(id)->second;
  member.session = {};
  if (member.pulse)
    member.expires_us = std::max(
        member.expires_us, member.pulse->last_us() + int64_t{member.session_timeout_ms} * 1000);
  if (member.expires_us > around_.clock.monotonic_us()) return watch(member);
  // A member that waits for an answer sends no heartbeats; its session restarts with the answer. A
  // new member is not exempt, because it may have disappeared: it is removed and has to join again.
  if (!member.is_new && (member.joining || member.syncing)) return;
  remove(id, kUnknownMemberId);
  rebalance_without();
}

// Closes the member's pulse, which answers heartbeats on other threads. The heartbeats that it has
// answered until now extend the session.
void ClassicGroup::close_pulse(Member& member) {
  if (!member.pulse) return;
  member.pulse->close();
  member.expires_us = std::max(member.expires_us,
                               member.pulse->last_us() + int64_t{member.session_timeout_ms} * 1000);
  member.pulse.reset();
}

// Removes the member, and answers the member's waiting requests with the error `why`.
void ClassicGroup::remove(const std::string& id, KafkaError why) {
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  Member& member = found->second;
  close_pulse(member);
  answer_join(member, {.error = why, .member_id = id});
  give_assignment(member, why);
  around_.deadlines.cancel(member.session);
  count_protocols(member, -1);
  around_.size.shrink(member.charged);
  member_bytes_ -= member.charged;
  if (member.instance_id) instances_.erase(*member.instance_id);
  members_.erase(found);
  if (leader_ == id) leader_ = members_.empty() ? "" : members_.begin()->first;
}

void ClassicGroup::rebalance_without() {
  if (state_ == GroupState::Stable || state_ == GroupState::CompletingRebalance)
    prepare_rebalance();
  else
    complete_if_all_joined();
}

}  // namespace server::coordinator
