// Members with the classic protocol in a consumer group, and the conversion of a group from one protocol to the other
// (KIP-848, "Upgrade" and "Downgrade"): the members join again with the other protocol, one after the other.
#include <algorithm>
#include <utility>

#include "server/coordinator/consumer_group.h"
#include "server/coordinator/consumer_protocol.h"

namespace server::coordinator {

// --- Conversions

KafkaError ConsumerGroup::take_over(const ClassicGroup& classic) {
  if (!classic.is_consumer() && classic.state() != GroupState::Empty) return kGroupIdNotFound;
  const auto topics = around_.topics();
  std::vector<ConsumerMember> taken;
  for (ClassicGroup::MemberToMove& each : classic.members_to_move()) {
    const auto subscription = read_subscription(each.protocols.front().metadata, *topics);
    if (!subscription) return kGroupIdNotFound;
    ConsumerMember& member = taken.emplace_back();
    member.id = each.member.id;
    member.instance_id = each.member.instance_id;
    member.client_id = each.member.client_id;
    member.client_host = each.member.client_host;
    member.rebalance_timeout_ms = each.member.rebalance_timeout_ms;
    member.topics = subscription->topics;
    member.classic = {each.member.session_timeout_ms, std::move(each.protocols)};
    member.epoch = member.previous_epoch = classic.generation();
    member.assigned = read_assignment(each.member.assignment, *topics);
    // If the classic leader has assigned a partition to two members, the first one gets it.
    std::erase_if(member.assigned, [&](const TopicIdPartition& partition) {
      return std::any_of(taken.begin(), taken.end() - 1, [&](const ConsumerMember& other) {
        return contains(other.assigned, partition);
      });
    });
    member.target = member.assigned;
  }
  if (taken.size() > static_cast<size_t>(around_.settings.consumer_max_size))
    return kGroupIdNotFound;
  epoch_ = assignment_epoch_ = classic.generation();
  for (ConsumerMember& each : taken) {
    ConsumerMember& member = insert(std::move(each));
    charge(member, false);
    alive(member);
  }
  changes_.rewrite_without(encode(GroupKey{id_}));
  return KafkaError::None;
}

GroupValue ConsumerGroup::as_classic() const {
  GroupValue value{.protocol_type = std::string(kConsumerProtocolType),
                   .generation = epoch_,
                   .state_time_ms = around_.clock.wall_ms()};
  const auto knows = [](const ConsumerMember& member, const std::string& name) {
    return std::ranges::find(member.classic->protocols, name, &GroupProtocol::name);
  };
  // The group's protocol is the first member's first protocol that all members support.
  for (const GroupProtocol& each : members_.begin()->second.classic->protocols)
    if (!value.protocol && std::ranges::all_of(members_, [&](const auto& member) {
          return knows(member.second, each.name) != member.second.classic->protocols.end();
        }))
      value.protocol = each.name;
  value.leader = members_.begin()->first;
  const auto topics = around_.topics();
  for (const auto& [id, member] : members_) {
    GroupValue::Member& each = value.members.emplace_back();
    each.id = id;
    each.instance_id = member.instance_id;
    each.client_id = member.client_id;
    each.client_host = member.client_host;
    each.rebalance_timeout_ms = member.rebalance_timeout_ms;
    each.session_timeout_ms = member.classic->session_timeout_ms;
    if (value.protocol) each.subscription = knows(member, *value.protocol)->metadata;
    each.assignment = write_assignment(member.target, *topics);
  }
  return value;
}

bool ConsumerGroup::is_downgraded_by(const JoinGroup& request) const {
  if (!request.instance_id || !request.member_id.empty()) return false;
  const auto known = instances_.find(*request.instance_id);
  if (known == instances_.end() || find(known->second)->classic) return false;
  return members_.size() > 1 && std::ranges::all_of(members_, [&](const auto& each) {
           return each.first == known->second || each.second.classic;
         });
}

void ConsumerGroup::downgrade_for(const JoinGroup& request) {
  expel(std::string(instances_.find(*request.instance_id)->second));
}

// --- Requests

bool ConsumerGroup::shares_protocol(const JoinGroup& request) const {
  if (request.protocol_type != kConsumerProtocolType || request.protocols.empty()) return false;
  return std::ranges::any_of(request.protocols, [&](const GroupProtocol& protocol) {
    return std::ranges::all_of(members_, [&](const auto& each) {
      const auto& classic = each.second.classic;
      return !classic || each.first == request.member_id ||
             std::ranges::find(classic->protocols, protocol.name, &GroupProtocol::name) !=
                 classic->protocols.end();
    });
  });
}

void ConsumerGroup::join(JoinGroup request, Done<JoinedGroup> done) {
  const bool is_known = members_.contains(request.member_id) ||
                        (request.instance_id && instances_.contains(*request.instance_id));
  if (!is_known && members_.size() >= static_cast<size_t>(around_.settings.consumer_max_size))
    return done(request.refusal(kGroupMaxSizeReached));
  const auto topics = around_.topics();
  const auto subscription = request.protocols.empty()
                                ? std::nullopt
                                : read_subscription(request.protocols.front().metadata, *topics);
  if (!shares_protocol(request) || !subscription)
    return done(request.refusal(kInconsistentGroupProtocol));
  ConsumerMember* member = nullptr;
  if (request.instance_id && !request.member_id.empty()) {
    if (const KafkaError error = check_member(request.member_id, request.instance_id);
        error != KafkaError::None)
      return done(request.refusal(error));
    member = find(request.member_id);
  } else if (request.instance_id) {
    const std::string id = around_.new_id().to_string();
    const auto known = instances_.find(*request.instance_id);
    member = known == instances_.end() ? &insert({.id = id, .instance_id = request.instance_id})
                                       : &replace(*find(known->second), id);
  } else {
    const bool has_id = !request.member_id.empty();
    if (!has_id) request.member_id = around_.new_id().to_string();
    if (!has_id && request.needs_member_id) return done(request.refusal(kMemberIdRequired));
    member = find(request.member_id);
    if (!member) member = &insert({.id = request.member_id});
  }
  const bool is_new = member->charged == 0;
  ConsumerMember said = *member;
  said.rebalance_timeout_ms = request.rebalance_timeout_ms;
  said.client_id = request.client_id;
  said.client_host = request.client_host;
  said.topics = subscription->topics;
  said.regex.clear();
  said.assignor.reset();
  said.classic = {request.session_timeout_ms, std::move(request.protocols)};
  if (const KafkaError error = update(*member, std::move(said)); error != KafkaError::None) {
    if (is_new) {
      remove(std::string(member->id));
      changes_.forget();
    }
    return done(request.refusal(error));
  }
  advance(*member, subscription->owned);
  alive(*member);
  hurry(*member);  // the member has to ask for its assignment within the time limit
  JoinedGroup joined{.generation = member->epoch,
                     .protocol_type = std::string(kConsumerProtocolType),
                     .protocol_name = member->classic->protocols.front().name,
                     .member_id = member->id};
  commit([request = std::move(request), joined = std::move(joined),
          done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(joined) : request.refusal(error));
  });
}

void ConsumerGroup::sync(const SyncGroup& request, Done<SyncedGroup> done) {
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return done(request.refusal(error));
  ConsumerMember& member = *find(request.member_id);
  if (!member.classic) return done(request.refusal(kUnknownMemberId));
  if (request.generation != member.epoch) return done(request.refusal(kIllegalGeneration));
  const std::string& protocol = member.classic->protocols.front().name;
  if ((request.protocol_type && *request.protocol_type != kConsumerProtocolType) ||
      (request.protocol_name && *request.protocol_name != protocol))
    return done(request.refusal(kInconsistentGroupProtocol));
  alive(member);
  // A member that still has to revoke partitions gets the smaller assignment without an error. It
  // then revokes the partitions, and joins again without being asked to.
  if (epoch_ > member.epoch && member.state != MemberState::UnrevokedPartitions) {
    hurry(member);
    return done(request.refusal(kRebalanceInProgress));
  }
  around_.deadlines.cancel(member.hurry);
  SyncedGroup synced{.protocol_type = std::string(kConsumerProtocolType),
                     .protocol_name = protocol,
                     .assignment = write_assignment(member.assigned, *around_.topics())};
  commit([request, synced = std::move(synced), done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(synced) : request.refusal(error));
  });
}

// Returns whether the member has to join again. There are three reasons: a new assignment exists,
// the member has to revoke partitions, or all partitions that it waits for are free.
bool ConsumerGroup::must_join_again(const ConsumerMember& member) const {
  if (member.epoch < epoch_ || member.state == MemberState::UnrevokedPartitions) return true;
  if (member.state != MemberState::UnreleasedPartitions) return false;
  return std::ranges::none_of(minus(member.target, member.assigned), [&](const auto& each) {
    const auto holder = holders_.find(each);
    return holder != holders_.end() && holder->second != member.id;
  });
}

GroupHeartbeatAnswer ConsumerGroup::heartbeat(const GroupHeartbeat& request) {
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return {.error = error};
  ConsumerMember& member = *find(request.member_id);
  if (!member.classic) return {.error = kUnknownMemberId};
  if (request.generation != member.epoch) return {.error = kIllegalGeneration};
  alive(member);
  if (refresh_topics()) {
    bump();
    commit([](KafkaError) {});
  }
  if (!must_join_again(member)) return {};
  if (!member.hurry.is_set()) hurry(member);
  return {.error = kRebalanceInProgress};
}

void ConsumerGroup::leave(const LeaveGroup& request, Done<LeftGroup> done) {
  LeftGroup left;
  bool has_changed = false;
  for (const LeaveGroup::Member& leaving : request.members) {
    std::string id = leaving.id;
    KafkaError error = KafkaError::None;
    if (id.empty() && leaving.instance_id) {
      const auto known = instances_.find(*leaving.instance_id);
      if (known != instances_.end()) id = known->second;
    }
    error = check_member(id, leaving.instance_id);
    if (error == KafkaError::None && !find(id)->classic) error = kUnknownMemberId;
    if (error == KafkaError::None) {
      remove(id);
      has_changed = true;
    }
    left.members.push_back({leaving.id, leaving.instance_id, error});
  }
  if (!has_changed) return done(std::move(left));
  after_removal(
      [left = std::move(left), request, done = std::move(done)](KafkaError error) mutable {
        done(error == KafkaError::None ? std::move(left) : request.refusal(error));
      });
}

}  // namespace server::coordinator
