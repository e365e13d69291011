#include "server/coordinator/group_partition.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/consumer_protocol.h"

namespace server::coordinator {

namespace {

constexpr size_t kBytesOfGroup = 800;  // about

bool is_valid(const std::string& group_id) {
  return !group_id.empty() && group_id.size() <= kMaxGroupIdBytes;
}

KafkaError check(const JoinGroup& request, const GroupSettings& settings) {
  constexpr size_t kMostOfName = 4'096;
  if (!is_valid(request.group_id)) return kInvalidGroupId;
  if (request.session_timeout_ms < settings.min_session_timeout_ms ||
      request.session_timeout_ms > settings.max_session_timeout_ms)
    return kInvalidSessionTimeout;
  if (request.instance_id && request.instance_id->size() > kMostOfName)
    return KafkaError::InvalidRequest;
  // They are compared with each other; clients know a handful.
  constexpr size_t kMostProtocols = 250;
  if (request.protocols.size() > kMostProtocols || request.protocol_type.size() > kMostOfName ||
      std::ranges::any_of(request.protocols, [](const GroupProtocol& protocol) {
        return protocol.name.size() > kMostOfName;
      }))
    return kInconsistentGroupProtocol;
  return KafkaError::None;
}

}  // namespace

GroupPartition::GroupPartition(PartitionId id, CoordinatorPort& port, GroupSurroundings& around)
    : id_(id), port_(port), around_(around), log_(id, port, *this) {}

// Before the groups go: those whose records are under way are answered.
GroupPartition::~GroupPartition() { log_.resign(); }

// --- The state

Status GroupPartition::replay(std::string_view key, std::optional<std::string_view> value) {
  const RecordKey decoded = TRY(decode_key(key));
  if (const auto* offset = std::get_if<OffsetKey>(&decoded)) {
    if (value) {
      find_or_make(offset->group_id).offsets.put(*offset, TRY(decode_offset_value(*value)));
    } else if (Group* group = find(offset->group_id)) {
      group->offsets.erase(*offset);
      if (is_idle(*group) && !group->is_stored) erase(offset->group_id);
    }
    return {};
  }
  const std::string& id = std::get<GroupKey>(decoded).group_id;
  if (value) {
    GroupValue stored = TRY(decode_group_value(*value));
    Group& group = find_or_make(id);
    group.classic = make_classic(id);
    group.classic->restore(std::move(stored));
    group.classic->resume();
    group.is_stored = true;
  } else if (Group* group = find(id)) {
    group->classic = make_classic(id);
    group->is_stored = false;
    if (is_idle(*group)) erase(id);
  }
  return {};
}

Status GroupPartition::replay_undecided(ProducerId producer, std::string_view key,
                                        std::optional<std::string_view> value) {
  const RecordKey decoded = TRY(decode_key(key));
  const auto* offset = std::get_if<OffsetKey>(&decoded);
  if (!offset || !value)
    return Error{ErrorCode::DataCorrupted, "what a transaction has written is no offset"};
  keep_undecided(producer, {*offset, TRY(decode_offset_value(*value))});
  return {};
}

void GroupPartition::on_unloaded() {
  for (const auto& [producer, records] : undecided_)
    for (const OffsetRecord& each : records)
      around_.size.shrink(GroupOffsets::bytes_of(each.key.topic, each.value.metadata.size()));
  undecided_.clear();
  auto groups = std::exchange(groups_, {});
  for (auto& [id, group] : groups) {
    group->classic->end(kNotCoordinator);
    around_.size.shrink(kBytesOfGroup + id.size());
  }
}

GroupPartition::Group* GroupPartition::find(const std::string& id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

GroupPartition::Group& GroupPartition::find_or_make(const std::string& id) {
  std::unique_ptr<Group>& group = groups_[id];
  if (!group) {
    group = std::make_unique<Group>(around_.size);
    group->classic = make_classic(id);
    around_.size.grow(kBytesOfGroup + id.size());
  }
  return *group;
}

GroupPartition::Group* GroupPartition::find_or_admit(const std::string& id) {
  if (Group* group = find(id)) return group;
  if (!around_.size.try_grow(kBytesOfGroup + id.size())) return nullptr;
  around_.size.shrink(kBytesOfGroup + id.size());
  return &find_or_make(id);
}

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

void GroupPartition::erase(const std::string& id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  found->second->classic->end(kUnknownMemberId);
  around_.size.shrink(kBytesOfGroup + id.size());
  groups_.erase(found);
}

void GroupPartition::append(std::vector<StoredRecord> records, Done<KafkaError> done) {
  log_.append(records,
              [done = std::move(done)](const Status& status) { done(coordinator_error(status)); });
}

bool GroupPartition::is_idle(const Group& group) const {
  return group.offsets.empty() && group.commits_under_way == 0 && group.undecided.empty() &&
         group.classic->state() == GroupState::Empty;
}

// --- Members

void GroupPartition::handle(JoinGroup request, Done<JoinedGroup> done) {
  if (const KafkaError error = check(request, around_.settings); error != KafkaError::None)
    return done(request.refusal(error));
  Group* group = find(request.group_id);
  if (!group) {
    if (!request.member_id.empty()) return done(request.refusal(kUnknownMemberId));
    group = find_or_admit(request.group_id);
    if (!group) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  }
  group->classic->join(std::move(request), std::move(done));
}

void GroupPartition::handle(SyncGroup request, Done<SyncedGroup> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kUnknownMemberId));
  group->classic->sync(std::move(request), std::move(done));
}

void GroupPartition::handle(GroupHeartbeat request, Done<GroupHeartbeatAnswer> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  done(group ? group->classic->heartbeat(request) : request.refusal(kUnknownMemberId));
}

void GroupPartition::handle(LeaveGroup request, Done<LeftGroup> done) {
  if (!is_valid(request.group_id)) return done(request.refusal(kInvalidGroupId));
  Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kUnknownMemberId));
  // When the last has gone that is kept, and told afterwards: else a restart might find it again, and
  // the next one would wait for it.
  append({}, [done = std::move(done), left = group->classic->leave(request)](KafkaError) {
    done(left);
  });
}

// --- For administrators

std::vector<GroupListing> GroupPartition::list() const {
  std::vector<GroupListing> all;
  all.reserve(groups_.size());
  for (const auto& [id, group] : groups_)
    all.push_back({id, group->classic->protocol_type(), std::string(name(group->classic->state())),
                   "classic"});
  return all;
}

std::vector<GroupProgress> GroupPartition::progress() const {
  const auto topics = around_.topics();
  std::vector<GroupProgress> all;
  for (const auto& [id, group] : groups_) {
    const GroupDescription described = group->classic->describe();
    GroupProgress& progress =
        all.emplace_back(GroupProgress{id, described.state, described.protocol_type,
                                       described.protocol_name, described.members.size()});
    std::map<std::pair<std::string, int32_t>, GroupProgress::Partition> found;
    for (const auto& [topic, partitions] : group->offsets.by_topic())
      for (const auto& [partition, value] : partitions)
        if (is_of(value, topics->find(topic)))
          found[{topic, partition}] = {topic, partition, value.offset};
    if (group->classic->is_consumer())
      for (const GroupDescription::Member& member : described.members)
        for_each_assigned(member.assignment, [&](const std::string& topic, int32_t partition) {
          const storage::TopicInfo* known = topics->find(topic);
          if (!known || partition < 0 || partition >= known->partition_count) return;
          GroupProgress::Partition& each = found[{topic, partition}];
          each.topic = topic;
          each.partition = partition;
          each.member = member.id;
        });
    for (auto& [name, each] : found) progress.partitions.push_back(std::move(each));
  }
  return all;
}

void GroupPartition::handle(DescribeGroup request, Done<GroupDescription> done) {
  const Group* group = find(request.group_id);
  if (group) return done(group->classic->describe());
  GroupDescription none = request.refusal(kGroupIdNotFound);
  none.state = "Dead";
  done(std::move(none));
}

void GroupPartition::handle(DeleteGroup request, Done<GroupDeletion> done) {
  if (!is_valid(request.group_id)) return done({kInvalidGroupId});
  Group* group = find(request.group_id);
  if (!group) return done({kGroupIdNotFound});
  if (group->classic->state() != GroupState::Empty) return done({kNonEmptyGroup});
  std::vector<OffsetKey> keys;
  for (const auto& [topic, partitions] : group->offsets.by_topic())
    for (const auto& [partition, value] : partitions)
      keys.push_back({request.group_id, topic, partition});
  erase_offsets(request.group_id, std::move(keys),
                [done = std::move(done)](KafkaError error) { done({error}); });
}

}  // namespace server::coordinator
