// The share groups of a partition, and the requests for share groups.
#include <utility>

#include "server/coordinator/group_partition.h"

namespace server::coordinator {

namespace {

constexpr size_t kMostOfId = 4'096;

// Returns a message for the client, or null if the request is valid.
const char* what_is_wrong(const ShareGroupHeartbeat& request) {
  if (request.member_id.empty()) return "MemberId can't be empty.";
  if (request.member_id.size() > kMostOfId ||
      (request.rack_id && request.rack_id->size() > kMostOfId))
    return "A name is too long.";
  if (request.rack_id && request.rack_id->empty()) return "RackId can't be empty.";
  if (request.member_epoch < -1) return "MemberEpoch is invalid.";
  if (request.member_epoch == 0 && (!request.topics || request.topics->empty()))
    return "SubscribedTopicNames must be set in first request.";
  return nullptr;
}

bool is_valid_group_id(const std::string& group_id) {
  return !group_id.empty() && group_id.size() <= kMaxGroupIdBytes;
}

}  // namespace

// --- The groups

std::shared_ptr<ShareGroup> GroupPartition::make_share(const std::string& id) {
  return std::make_shared<ShareGroup>(
      id, around_, [this](std::vector<StoredRecord> records, Done<KafkaError> stored) {
        append(std::move(records), std::move(stored));
      });
}

ShareGroup* GroupPartition::find_share(const std::string& id) {
  const auto found = shares_.find(id);
  return found == shares_.end() ? nullptr : found->second.get();
}

Status GroupPartition::replay(const ShareGroupKey& key, std::optional<std::string_view> value) {
  ShareGroup* group = find_share(key.group_id);
  if (!group && !value) return {};
  if (!group) {
    group = (shares_[key.group_id] = make_share(key.group_id)).get();
    around_.size.grow(kBytesOfShareGroup + key.group_id.size());
  }
  const Status restored = group->restore(key, value);
  if (value || group->is_there()) return restored;
  group->end();
  shares_.erase(key.group_id);
  around_.size.shrink(kBytesOfShareGroup + key.group_id.size());
  return restored;
}

ShareGroup* GroupPartition::find_or_admit_share(const std::string& id, KafkaError& error) {
  error = kGroupIdNotFound;
  if (ShareGroup* known = find_share(id)) return known;
  if (Group* other = find(id)) {
    // `other` is idle and has no records: it was created for a request that failed, so it can be replaced.
    if (!is_idle(*other) || other->is_stored) return nullptr;
    erase(id);
  }
  error = KafkaError::CoordinatorNotAvailable;
  if (!around_.size.try_grow(kBytesOfShareGroup + id.size())) return nullptr;
  return (shares_[id] = make_share(id)).get();
}

void GroupPartition::erase_share(const std::string& id, Done<GroupDeletion> done) {
  const std::shared_ptr<ShareGroup> group = shares_[id];
  if (!group->is_empty()) return done({kNonEmptyGroup});
  std::vector<StoredRecord> records = group->tombstones();
  group->end();
  if (ShareSessions* sessions = find_sessions(id)) sessions->end(kGroupIdNotFound);
  shares_.erase(id);
  around_.size.shrink(kBytesOfShareGroup + id.size());
  append(std::move(records), [done = std::move(done)](KafkaError error) { done({error}); });
}

// Removes the group if it has no state. This is the case when the request for which the group was
// created has added nothing.
void GroupPartition::drop_share_unless_there(const std::string& id) {
  ShareGroup* const group = find_share(id);
  if (!group || group->is_there()) return;
  group->end();
  shares_.erase(id);
  around_.size.shrink(kBytesOfShareGroup + id.size());
}

// --- Sessions

ShareSessions* GroupPartition::find_sessions(const std::string& id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

template <class Request>
void GroupPartition::ask_later(Request request, Done<typename Request::Answer> done) {
  port_.defer([this, weak = std::weak_ptr(alive_), request = std::move(request),
               done = std::move(done)]() mutable {
    if (weak.expired()) return;
    const KafkaError why_not = unavailable();
    if (why_not != KafkaError::None) return done(request.refusal(why_not));
    handle(std::move(request), std::move(done));
  });
}

ShareSessions::Coordinator GroupPartition::coordinator_of_shares() {
  if (ShareStateCalls* const calls = around_.share_state)
    return {[this, calls](ReadShareState request, Done<ShareStateRead> done) {
              calls->read(id_, std::move(request), std::move(done));
            },
            [this, calls](WriteShareState request, Done<ShareStateWritten> done) {
              calls->write(id_, std::move(request), std::move(done));
            },
            [this, calls] { return calls->find(id_); }};
  return {[this](ReadShareState request, Done<ShareStateRead> done) {
            ask_later(std::move(request), std::move(done));
          },
          [this](WriteShareState request, Done<ShareStateWritten> done) {
            ask_later(std::move(request), std::move(done));
          }};
}

std::shared_ptr<ShareSessions> GroupPartition::make_sessions(const std::string& id) {
  return std::make_shared<ShareSessions>(id, around_, coordinator_of_shares(),
                                         [this, id] { drop_idle_sessions(id); });
}

// The sessions call this function themselves, so they are destroyed later.
void GroupPartition::drop_idle_sessions(const std::string& id) {
  if (const ShareSessions* const sessions = find_sessions(id); !sessions || !sessions->is_idle())
    return;
  port_.defer([this, weak = std::weak_ptr(alive_), id] {
    if (weak.expired()) return;
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || !found->second->is_idle()) return;
    sessions_.erase(found);
    around_.size.shrink(kBytesOfShareGroup + id.size());
  });
}

void GroupPartition::end_sessions() {
  for (const auto& [id, sessions] : sessions_) sessions->end(kNotCoordinator);
}

void GroupPartition::grown(const TopicIdPartition& partition) {
  for (const auto& [id, sessions] : sessions_) sessions->grown(partition);
}

// --- Requests

void GroupPartition::handle(ShareGroupHeartbeat request, Done<ShareGroupHeartbeatAnswer> done) {
  if (!is_valid_group_id(request.group_id)) return done(request.refusal(kInvalidGroupId));
  if (!around_.shared_log)
    return done(
        request.refusal(KafkaError::InvalidRequest, "Share groups are not supported here."));
  if (const char* wrong = what_is_wrong(request))
    return done(request.refusal(KafkaError::InvalidRequest, wrong));
  KafkaError error = kGroupIdNotFound;
  ShareGroup* group = request.member_epoch == 0 ? find_or_admit_share(request.group_id, error)
                                                : find_share(request.group_id);
  if (!group)
    return done(request.refusal(error, error == kGroupIdNotFound
                                           ? "Group " + request.group_id + " is not a share group."
                                           : "The server has no room for another group."));
  const std::string id = request.group_id;
  group->heartbeat(std::move(request), std::move(done));
  drop_share_unless_there(id);
}

void GroupPartition::handle(const ReadShareState& request, Done<ShareStateRead> done) {
  ShareGroup* group = find_share(request.group_id);
  if (!group) return done(request.refusal(kGroupIdNotFound));
  group->read(request, std::move(done));
}

void GroupPartition::handle(const WriteShareState& request, Done<ShareStateWritten> done) {
  ShareGroup* group = find_share(request.group_id);
  if (!group) return done(request.refusal(kGroupIdNotFound));
  group->write(request, std::move(done));
}

void GroupPartition::handle(ShareFetch request, Done<ShareFetched> done) {
  const bool is_unknown = !around_.share_state && !find_share(request.group_id);
  if (is_unknown || !around_.shared_log || !is_valid_group_id(request.group_id))
    return done(
        request.refusal(kGroupIdNotFound, "Group " + request.group_id + " is not a share group."));
  if (request.member_id.empty() || request.member_id.size() > kMostOfId ||
      request.session_epoch < -1)
    return done(
        request.refusal(KafkaError::InvalidRequest, "The share session does not have this name."));
  const std::string id = request.group_id;
  if (!find_sessions(id)) {
    if (!around_.size.try_grow(kBytesOfShareGroup + id.size()))
      return done(
          request.refusal(kShareSessionLimitReached, "The server has no room for share sessions."));
    sessions_[id] = make_sessions(id);
  }
  const std::shared_ptr<ShareSessions> sessions = sessions_.at(id);
  sessions->fetch(std::move(request), std::move(done));
  drop_idle_sessions(id);
}

void GroupPartition::handle(const CloseShareSession& request, Done<ClosedShareSession> done) {
  if (ShareSessions* sessions = find_sessions(request.group_id)) sessions->close(request);
  done({});
}

void GroupPartition::handle(const DescribeShareGroup& request, Done<ShareGroupDescription> done) {
  const ShareGroup* group = find_share(request.group_id);
  done(group ? group->describe() : request.refusal(kGroupIdNotFound));
}

void GroupPartition::handle(const DescribeShareGroupOffsets& request,
                            Done<ShareGroupOffsets> done) {
  const ShareGroup* group = find_share(request.group_id);
  done(group ? group->offsets(request) : request.refusal(kGroupIdNotFound));
}

// Creates the group if it does not exist, as Kafka 4.1 does, so that the start of a queue can be set before its first
// consumer starts (KIP-932).
void GroupPartition::handle(const AlterShareGroupOffsets& request, Done<ShareGroupOffsets> done) {
  if (!is_valid_group_id(request.group_id)) return done(request.refusal(kInvalidGroupId));
  if (!around_.shared_log) return done(request.refusal(KafkaError::InvalidRequest));
  KafkaError error = kGroupIdNotFound;
  ShareGroup* group = find_or_admit_share(request.group_id, error);
  if (!group) return done(request.refusal(error));
  if (!group->is_empty()) return done(request.refusal(kNonEmptyGroup));
  group->alter(request, std::move(done));
  if (ShareSessions* sessions = find_sessions(request.group_id)) sessions->read_again();
  drop_share_unless_there(request.group_id);
}

void GroupPartition::handle(const DeleteShareGroupOffsets& request,
                            Done<DeletedShareOffsets> done) {
  ShareGroup* group = find_share(request.group_id);
  if (!group) return done(request.refusal(kGroupIdNotFound));
  if (!group->is_empty()) return done(request.refusal(kNonEmptyGroup));
  group->forget(request, std::move(done));
  if (ShareSessions* sessions = find_sessions(request.group_id)) sessions->read_again();
}

}  // namespace server::coordinator
