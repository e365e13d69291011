// Requests of members, and the conversion of groups between the classic protocol and the consumer protocol.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/log_rate.h"
#include "server/coordinator/assignors.h"
#include "server/coordinator/group_partition.h"

namespace server::coordinator {

namespace {

constexpr size_t kMostOfName = 4'096;

bool is_valid(const std::string& group_id) {
  return !group_id.empty() && group_id.size() <= kMaxGroupIdBytes;
}

KafkaError check(const JoinGroup& request, const GroupSettings& settings) {
  if (!is_valid(request.group_id)) return kInvalidGroupId;
  if (request.session_timeout_ms < settings.min_session_timeout_ms ||
      request.session_timeout_ms > settings.max_session_timeout_ms)
    return kInvalidSessionTimeout;
  if (request.instance_id && request.instance_id->size() > kMostOfName)
    return KafkaError::InvalidRequest;
  // The protocols of members are compared pairwise, so their number is limited. Real clients have
  // only a few.
  constexpr size_t kMostProtocols = 250;
  if (request.protocols.size() > kMostProtocols || request.protocol_type.size() > kMostOfName ||
      std::ranges::any_of(request.protocols, [](const GroupProtocol& protocol) {
        return protocol.name.size() > kMostOfName;
      }))
    return kInconsistentGroupProtocol;
  return KafkaError::None;
}

// Logs a join that was refused because of its session time-out, at most once a second. Clients show the error without
// the limits.
void log_session_timeout(const JoinGroup& request, const GroupSettings& settings, int64_t now_us) {
  static SharedLogRate rate{1};
  if (!rate.admit(now_us)) return;
  log_warn(
      "a consumer cannot join its group: session.timeout.ms is out of range group=\"{}\" "
      "session_timeout_ms={} group.min.session.timeout.ms={} group.max.session.timeout.ms={}",
      request.group_id, request.session_timeout_ms, settings.min_session_timeout_ms,
      settings.max_session_timeout_ms);
}

// Returns a message for the client, or null if the request is valid.
const char* what_is_wrong(const ConsumerGroupHeartbeat& request) {
  const auto is_empty = [](const auto& each) { return each && each->empty(); };
  const auto is_long = [](const auto& each) { return each && each->size() > kMostOfName; };
  if (is_long(request.instance_id) || is_long(request.rack_id) ||
      request.member_id.size() > kMostOfName)
    return "A name is too long.";
  if (is_empty(request.instance_id)) return "InstanceId can't be empty.";
  if (is_empty(request.rack_id)) return "RackId can't be empty.";
  if (request.member_epoch < kLeavesForAWhile) return "MemberEpoch is invalid.";
  if (request.member_id.empty() && (request.member_epoch != 0 || request.makes_member_id))
    return "MemberId can't be empty.";
  if (request.member_epoch == kLeavesForAWhile && !request.instance_id)
    return "InstanceId can't be null.";
  if (request.member_epoch != 0) return nullptr;
  if (request.rebalance_timeout_ms == -1)
    return "RebalanceTimeoutMs must be provided in first request.";
  if (!request.owned || !request.owned->empty())
    return "TopicPartitions must be empty when (re-)joining.";
  if ((!request.topics || request.topics->empty()) && (!request.regex || request.regex->empty()))
    return "Either SubscribedTopicNames or SubscribedTopicRegex must be set in first request.";
  return nullptr;
}

}  // namespace

// --- The two kinds of groups

bool GroupPartition::Group::has_members() const {
  return classic ? classic->state() != GroupState::Empty : !consumer->is_empty();
}

std::string_view GroupPartition::Group::state() const {
  return classic ? name(classic->state()) : consumer->state();
}

void GroupPartition::Group::end(KafkaError why) { classic ? classic->end(why) : consumer->end(); }

std::shared_ptr<ClassicGroup> GroupPartition::make_classic(const std::string& id) {
  return std::make_shared<ClassicGroup>(
      id, around_, [this, id](const GroupValue& value, Done<KafkaError> stored) {
        append({{encode(GroupKey{id}), encode(value)}},
               [this, id, stored = std::move(stored)](KafkaError error) {
                 if (error == KafkaError::None)
                   if (Group* group = find(id)) group->is_stored = true;
                 stored(error);
               });
      });
}

std::shared_ptr<ConsumerGroup> GroupPartition::make_consumer(const std::string& id) {
  return std::make_shared<ConsumerGroup>(
      id, around_,
      [this, id](std::vector<StoredRecord> records, Done<KafkaError> stored) {
        append(std::move(records), [this, id, stored = std::move(stored)](KafkaError error) {
          if (error == KafkaError::None)
            if (Group* group = find(id)) group->is_stored = true;
          stored(error);
        });
      },
      [this, id](std::vector<StoredRecord> records, GroupValue members, Done<KafkaError> done) {
        downgrade(id, std::move(records), std::move(members), std::move(done));
      });
}

// Replays a record of the consumer protocol. The latest records of a group determine its protocol; they also delete the
// records of the other protocol.
Status GroupPartition::replay(const ConsumerGroupKey& key, std::optional<std::string_view> value) {
  Group* group = value ? &find_or_make(key.group_id) : find(key.group_id);
  if (!group || (!value && !group->consumer)) return {};
  if (!group->consumer) {
    group->consumer = make_consumer(key.group_id);
    group->classic->end(kNotCoordinator);
    group->classic.reset();
  }
  group->is_stored = true;
  const Status restored = group->consumer->restore(key, value);
  if (value || group->consumer->is_there()) return restored;
  group->consumer.reset();
  group->classic = make_classic(key.group_id);
  group->is_stored = false;
  if (is_idle(*group)) erase(key.group_id);
  return restored;
}

void GroupPartition::on_loaded() {
  for (const auto& [id, group] : groups_)
    if (group->consumer) group->consumer->resume();
  for (const auto& [id, share] : shares_) share->resume();
}

KafkaError GroupPartition::upgrade(const std::string& id, Group& group) {
  auto consumer = make_consumer(id);
  if (group.has_members() || group.is_stored)
    if (const KafkaError error = consumer->take_over(*group.classic); error != KafkaError::None)
      return error;
  // The error makes the members join again, now with the other protocol.
  group.classic->end(kRebalanceInProgress);
  group.classic.reset();
  group.consumer = std::move(consumer);
  return KafkaError::None;
}

void GroupPartition::downgrade(const std::string& id, std::vector<StoredRecord> records,
                               GroupValue members, Done<KafkaError> done) {
  Group& group = *find(id);
  group.consumer->end();
  group.consumer.reset();
  records.push_back({encode(GroupKey{id}), encode(members)});
  group.classic = make_classic(id);
  group.classic->restore(std::move(members));
  group.classic->resume();
  group.classic->begin_anew();
  append(std::move(records), std::move(done));
}

void GroupPartition::become_classic_again(const std::string& id, Group& group) {
  append(group.consumer->tombstones(), [](KafkaError) {});
  group.consumer->end();
  group.consumer.reset();
  group.classic = make_classic(id);
}

// --- Requests

void GroupPartition::handle(JoinGroup request, Done<JoinedGroup> done) {
  if (const KafkaError error = check(request, around_.settings); error != KafkaError::None) {
    if (error == kInvalidSessionTimeout)
      log_session_timeout(request, around_.settings, around_.clock.monotonic_us());
    return done(request.refusal(error));
  }
  if (find_share(request.group_id)) return done(request.refusal(kInconsistentGroupProtocol));
  Group* group = find(request.group_id);
  if (!group) {
    if (!request.member_id.empty()) return done(request.refusal(kUnknownMemberId));
    group = find_or_admit(request.group_id);
    if (!group) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  }
  if (group->consumer && !group->has_members()) become_classic_again(request.group_id, *group);
  if (group->consumer && group->consumer->is_downgraded_by(request))
    group->consumer->downgrade_for(request);
  group->classic ? group->classic->join(std::move(request), std::move(done))
                 : group->consumer->join(std::move(request), std::move(done));
}

void GroupPartition::handle(SyncGroup request, Done<SyncedGroup> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kUnknownMemberId));
  group->classic ? group->classic->sync(std::move(request), std::move(done))
                 : group->consumer->sync(request, std::move(done));
}

void GroupPartition::handle(GroupHeartbeat request, Done<GroupHeartbeatAnswer> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kUnknownMemberId));
  done(group->classic ? group->classic->heartbeat(request) : group->consumer->heartbeat(request));
}

void GroupPartition::handle(LeaveGroup request, Done<LeftGroup> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kUnknownMemberId));
  if (group->consumer) return group->consumer->leave(request, std::move(done));
  // If the last member has left, the empty group is stored before the answer. Otherwise a restart
  // might restore this member, and the next member would have to wait for it.
  append({}, [done = std::move(done), left = group->classic->leave(request)](KafkaError) {
    done(left);
  });
}

void GroupPartition::handle(ConsumerGroupHeartbeat request,
                            Done<ConsumerGroupHeartbeatAnswer> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  if (const char* wrong = what_is_wrong(request))
    return done(request.refusal(KafkaError::InvalidRequest, wrong));
  if (request.assignor && !find_assignor(*request.assignor))
    return done(request.refusal(kUnsupportedAssignor, "ServerAssignor " + *request.assignor +
                                                          " is not supported. Supported "
                                                          "assignors: uniform, range."));
  const bool is_share = find_share(request.group_id) != nullptr;
  Group* group = find(request.group_id);
  if (!group && !is_share && request.member_epoch == 0) {
    group = find_or_admit(request.group_id);
    if (!group) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  }
  const bool may_join = request.member_epoch == 0 && group && group->classic;
  if (!group || (group->classic && !may_join))
    return done(request.refusal(kGroupIdNotFound,
                                "Group " + request.group_id + " is not a consumer group."));
  if (may_join)
    if (const KafkaError error = upgrade(request.group_id, *group); error != KafkaError::None)
      return done(request.refusal(
          error, "Group " + request.group_id + " has members that are no consumers."));
  group->consumer->heartbeat(std::move(request), std::move(done));
}

}  // namespace server::coordinator
