#include "server/coordinator/group_partition.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/consumer_protocol.h"

namespace server::coordinator {

namespace {

constexpr size_t kBytesOfGroup = 800;  // approximate size of a group in memory

}  // namespace

GroupPartition::GroupPartition(PartitionId id, CoordinatorPort& port, GroupSurroundings& around)
    : id_(id), port_(port), around_(around), log_(id, port, *this) {}

// Resigns first: log_ then answers the appends in progress, whose callbacks use the groups, so the
// groups must still exist.
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
  if (const auto* consumer = std::get_if<ConsumerGroupKey>(&decoded))
    return replay(*consumer, value);
  if (const auto* share = std::get_if<ShareGroupKey>(&decoded)) return replay(*share, value);
  const std::string& id = std::get<GroupKey>(decoded).group_id;
  if (value) {
    GroupValue stored = TRY(decode_group_value(*value));
    Group& group = find_or_make(id);
    group.end(kNotCoordinator);
    group.consumer.reset();
    group.classic = make_classic(id);
    group.classic->restore(std::move(stored));
    group.classic->resume();
    group.is_stored = true;
  } else if (Group* group = find(id); group && group->classic) {
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
    return Error{ErrorCode::DataCorrupted, "a transaction has written an invalid offset"};
  keep_undecided(producer, {*offset, TRY(decode_offset_value(*value))});
  return {};
}

void GroupPartition::on_unloaded() {
  for (const auto& [producer, offsets] : undecided_)
    for (const auto& [key, value] : offsets)
      around_.size.shrink(GroupOffsets::bytes_of(key.topic, value.metadata.size()));
  undecided_.clear();
  auto groups = std::exchange(groups_, {});
  for (auto& [id, group] : groups) {
    group->end(kNotCoordinator);
    around_.size.shrink(kBytesOfGroup + id.size());
  }
  auto shares = std::exchange(shares_, {});
  for (auto& [id, share] : shares) {
    share->end();
    around_.size.shrink(kBytesOfShareGroup + id.size());
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
  // The memory is only checked here, because find_or_make() charges it.
  around_.size.shrink(kBytesOfGroup + id.size());
  return &find_or_make(id);
}

void GroupPartition::erase(const std::string& id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  found->second->end(kUnknownMemberId);
  around_.size.shrink(kBytesOfGroup + id.size());
  groups_.erase(found);
}

void GroupPartition::append(std::vector<StoredRecord> records, Done<KafkaError> done) {
  log_.append(records,
              [done = std::move(done)](const Status& status) { done(coordinator_error(status)); });
}

bool GroupPartition::is_idle(const Group& group) const {
  return group.offsets.empty() && group.commits_under_way == 0 && group.undecided.empty() &&
         !group.has_members();
}

// --- For administrators

std::vector<GroupListing> GroupPartition::list() const {
  std::vector<GroupListing> all;
  all.reserve(groups_.size());
  for (const auto& [id, group] : groups_)
    all.push_back(
        {id, group->classic ? group->classic->protocol_type() : std::string(kConsumerProtocolType),
         std::string(group->state()), group->classic ? "classic" : "consumer"});
  for (const auto& [id, share] : shares_)
    all.push_back({id, "share", std::string(share->state()), "share"});
  return all;
}

std::vector<GroupProgress> GroupPartition::progress() const {
  const auto topics = around_.topics();
  std::vector<GroupProgress> all;
  for (const auto& [id, group] : groups_) {
    const GroupDescription described =
        group->classic ? group->classic->describe() : group->consumer->describe_as_classic();
    GroupProgress& progress =
        all.emplace_back(GroupProgress{id, described.state, described.protocol_type,
                                       described.protocol_name, described.members.size()});
    std::map<std::pair<std::string, int32_t>, GroupProgress::Partition> found;
    for (const auto& [topic, partitions] : group->offsets.by_topic())
      for (const auto& [partition, value] : partitions)
        if (is_of(value, topics->find(topic)))
          found[{topic, partition}] = {topic, partition, value.offset};
    if (group->consumer || group->classic->is_consumer())
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
  for (const auto& [id, share] : shares_) all.push_back(share->progress());
  return all;
}

void GroupPartition::handle(DescribeGroup request, Done<GroupDescription> done) {
  const Group* group = find(request.group_id);
  // A consumer group is also described for clients that know only the classic protocol.
  if (group)
    return done(group->classic ? group->classic->describe()
                               : group->consumer->describe_as_classic());
  GroupDescription none = request.refusal(kGroupIdNotFound);
  none.state = "Dead";
  done(std::move(none));
}

void GroupPartition::handle(DescribeConsumerGroup request, Done<ConsumerGroupDescription> done) {
  const Group* group = find(request.group_id);
  if (!group || !group->consumer) return done(request.refusal(kGroupIdNotFound));
  done(group->consumer->describe());
}

void GroupPartition::handle(DeleteGroup request, Done<GroupDeletion> done) {
  if (request.group_id.empty() || request.group_id.size() > kMaxGroupIdBytes)
    return done({kInvalidGroupId});
  if (find_share(request.group_id)) return erase_share(request.group_id, std::move(done));
  Group* group = find(request.group_id);
  if (!group) return done({kGroupIdNotFound});
  if (group->has_members()) return done({kNonEmptyGroup});
  std::vector<OffsetKey> keys;
  for (const auto& [topic, partitions] : group->offsets.by_topic())
    for (const auto& [partition, value] : partitions)
      keys.push_back({request.group_id, topic, partition});
  erase_offsets(request.group_id, std::move(keys),
                [done = std::move(done)](KafkaError error) { done({error}); });
}

}  // namespace server::coordinator
