// Requests that commit, fetch and delete the offsets of groups, and the expiry of offsets.
#include <algorithm>
#include <set>
#include <utility>

#include "server/coordinator/consumer_protocol.h"
#include "server/coordinator/group_partition.h"

namespace server::coordinator {

namespace {

// The number of offsets of a request, or of groups, that one slice handles: about half a
// millisecond of work.
constexpr size_t kSliceOfOffsets = 1'000;
constexpr size_t kSliceOfGroups = 500;

bool has(const GroupOffsets& offsets, const std::string& topic, int32_t partition) {
  const auto found = offsets.by_topic().find(topic);
  return found != offsets.by_topic().end() && found->second.contains(partition);
}

}  // namespace

KafkaError LeftGroup::verdict() const {
  for (const Member& each : members)
    if (error == KafkaError::None && is_group_verdict(each.error)) return each.error;
  return error;
}

KafkaError CommittedOffsets::verdict() const {
  for (const auto& [topic, partitions] : topics)
    for (const PartitionError& each : partitions)
      if (is_group_verdict(each.error)) return each.error;
  return KafkaError::None;
}

void CommittedOffsets::refuse_all(KafkaError why) {
  for (auto& [topic, partitions] : topics)
    for (PartitionError& each : partitions) each.error = why;
}

CommittedOffsets CommitOffsets::refusal(KafkaError error) const {
  CommittedOffsets refused;
  for (const auto& [topic, partitions] : topics) {
    auto& answers = refused.topics.emplace_back(topic, std::vector<PartitionError>()).second;
    for (const Partition& each : partitions) answers.push_back({each.partition, error});
  }
  return refused;
}

// A request that commits offsets. It is handled in slices, because it may name thousands of partitions; its slices and
// their appends share this object.
struct GroupPartition::Commit {
  CommitOffsets request;
  CommittedOffsets answer;
  Done<CommittedOffsets> done;
  size_t topic = 0, partition = 0;  // position of the next offset
  size_t left = 1;                  // appends in flight, plus one for the slices

  void complete_one() {
    if (--left == 0) done(std::move(answer));
  }
};

KafkaError GroupPartition::check_commit(const CommitOffsets& request) {
  if (request.group_id.size() > kMaxGroupIdBytes) return kInvalidGroupId;
  if (find_share(request.group_id)) return kGroupIdNotFound;  // share groups commit no offsets
  // A commit in a transaction that names no member is not checked here: the producer's epoch
  // already excludes replaced producers. This was the only protection before KIP-447.
  const Group* group = find(request.group_id);
  if (group && (request.is_of_member() || !request.producer))
    return group->classic ? group->classic->check_commit(request)
                          : group->consumer->check_commit(request);
  if (group) return KafkaError::None;
  // No group has this id. A member of a group gets an error; a client without membership may store offsets under any
  // id.
  if (request.generation >= 0)
    return request.knows_member_epochs ? kGroupIdNotFound : kIllegalGeneration;
  if (!request.member_id.empty() || request.instance_id) return kUnknownMemberId;
  return find_or_admit(request.group_id) ? KafkaError::None : KafkaError::CoordinatorNotAvailable;
}

void GroupPartition::handle(CommitOffsets request, Done<CommittedOffsets> done) {
  if (const KafkaError error = check_commit(request); error != KafkaError::None)
    return done(request.refusal(error));
  auto commit = std::make_shared<Commit>();
  commit->answer = request.refusal(KafkaError::None);
  commit->request = std::move(request);
  commit->done = std::move(done);
  commit_some(commit);
}

KafkaError GroupPartition::check_offset(const CommitOffsets::Partition& asked,
                                        const storage::TopicInfo* topic) {
  if (!topic || asked.partition < 0 || asked.partition >= topic->partition_count)
    return KafkaError::UnknownTopicOrPartition;
  if (asked.metadata.size() > static_cast<size_t>(around_.settings.max_metadata_bytes))
    return kOffsetMetadataTooLarge;
  return KafkaError::None;
}

void GroupPartition::commit_some(const std::shared_ptr<Commit>& commit) {
  if (unavailable() != KafkaError::None) {  // the leadership was lost since the last slice
    commit->answer = commit->request.refusal(kNotCoordinator);
    return commit->complete_one();
  }
  const CommitOffsets& request = commit->request;
  const auto topics = around_.topics();
  const int64_t now_ms = around_.clock.wall_ms();
  const int64_t expire_ms = request.retention_ms >= 0 ? now_ms + request.retention_ms : -1;
  std::vector<StoredRecord> records;
  auto offsets = std::make_shared<std::vector<OffsetRecord>>();
  std::vector<std::pair<size_t, size_t>> places;  // positions in the answer
  const Group* group = find(request.group_id);
  size_t bytes = 0, looked_at = 0;
  while (commit->topic < request.topics.size() && looked_at < kSliceOfOffsets) {
    const auto& [name, partitions] = request.topics[commit->topic];
    if (commit->partition == partitions.size()) {
      ++commit->topic;
      commit->partition = 0;
      continue;
    }
    ++looked_at;
    const storage::TopicInfo* topic = topics->find(name);
    const CommitOffsets::Partition& asked = partitions[commit->partition];
    const KafkaError error = check_offset(asked, topic);
    if (error == KafkaError::None) {
      offsets->push_back({{request.group_id, name, asked.partition},
                          {.offset = asked.offset,
                           .leader_epoch = asked.leader_epoch,
                           .metadata = asked.metadata,
                           .commit_time_ms = now_ms,
                           .expire_time_ms = expire_ms,
                           .topic_id = topic->id}});
      records.push_back({encode(offsets->back().key), encode(offsets->back().value)});
      places.emplace_back(commit->topic, commit->partition);
      const bool is_known = request.producer
                                ? has_undecided(request.producer->id, offsets->back().key)
                                : group && has(group->offsets, name, asked.partition);
      if (!is_known) bytes += GroupOffsets::bytes_of(name, asked.metadata.size());
    }
    commit->answer.topics[commit->topic].second[commit->partition].error = error;
    ++commit->partition;
  }
  const auto set_error = [commit](const std::vector<std::pair<size_t, size_t>>& at,
                                  KafkaError error) {
    for (const auto& [topic, partition] : at)
      commit->answer.topics[topic].second[partition].error = error;
  };
  // Only new offsets need memory, so the limit does not affect groups that commit the same
  // partitions again. The bytes are only checked here; they are charged when the offsets are
  // durable.
  const bool has_room = around_.size.try_grow(bytes);
  if (has_room) around_.size.shrink(bytes);
  if (!has_room) {
    set_error(places, KafkaError::CoordinatorNotAvailable);
  } else if (!records.empty()) {
    ++commit->left;
    ++find_or_make(request.group_id).commits_under_way;
    const auto done = [this, commit, offsets, places, set_error](KafkaError error) {
      if (error != KafkaError::None) set_error(places, error);
      for (OffsetRecord& each : *offsets) {
        if (error != KafkaError::None) break;
        if (commit->request.producer)
          keep_undecided(commit->request.producer->id, std::move(each));
        else
          find_or_make(each.key.group_id).offsets.put(each.key, std::move(each.value));
      }
      if (Group* of = find(commit->request.group_id)) --of->commits_under_way;
      commit->complete_one();
    };
    if (request.producer)
      log_.append_for(*request.producer, records, request.guard,
                      [done](const Status& status) { done(coordinator_error(status)); });
    else
      log_.append(records, [this, done](const Status& status) {
        done(coordinator_error_for_users(status, port_));
      });
  }
  if (commit->topic == request.topics.size()) return commit->complete_one();
  port_.post_rest([this, commit] { commit_some(commit); });
}

void GroupPartition::keep_undecided(ProducerId producer, OffsetRecord record) {
  auto& offsets = undecided_[producer];
  const auto [place, is_new] = offsets.try_emplace(record.key);
  if (is_new)
    ++find_or_make(record.key.group_id).undecided[{record.key.topic, record.key.partition}];
  else
    around_.size.shrink(GroupOffsets::bytes_of(record.key.topic, place->second.metadata.size()));
  around_.size.grow(GroupOffsets::bytes_of(record.key.topic, record.value.metadata.size()));
  place->second = std::move(record.value);
}

bool GroupPartition::has_undecided(ProducerId producer, const OffsetKey& key) const {
  const auto found = undecided_.find(producer);
  return found != undecided_.end() && found->second.contains(key);
}

void GroupPartition::replay_end(ProducerId producer, records::TransactionEnd end) {
  const auto found = undecided_.find(producer);
  if (found == undecided_.end()) return;
  UndecidedOffsets decided = std::move(found->second);
  undecided_.erase(found);
  for (auto& [key, value] : decided) {
    around_.size.shrink(GroupOffsets::bytes_of(key.topic, value.metadata.size()));
    Group& group = find_or_make(key.group_id);
    const auto of = group.undecided.find({key.topic, key.partition});
    if (--of->second == 0) group.undecided.erase(of);
    if (end == records::TransactionEnd::Commit)
      group.offsets.put(key, std::move(value));
    else if (is_idle(group) && !group.is_stored)
      erase(key.group_id);
  }
}

void GroupPartition::handle(EndOffsets request, Done<EndedOffsets> done) {
  if (request.is_stored) {
    replay_end(request.ended.producer.id, request.ended.marker.end);
    return done({});
  }
  if (request.under && *request.under != log_.epoch()) return done({kNotCoordinator});
  log_.append_end(request.ended,
                  [this, ended = request.ended, done = std::move(done)](const Status& status) {
                    if (status) replay_end(ended.producer.id, ended.marker.end);
                    done({coordinator_error(status)});
                  });
}

void GroupPartition::handle(FetchOffsets request, Done<FetchedOffsets> done) {
  const Group* group = find(request.group_id);
  if (group && group->consumer)
    if (const KafkaError error = group->consumer->check_fetch(request); error != KafkaError::None)
      return done(request.refusal(error));
  const auto topics = around_.topics();
  FetchedOffsets fetched;
  const auto add = [&](auto& answers, const std::string& topic, int32_t partition,
                       const OffsetValue* value) {
    FetchedOffsets::Partition& answer = answers.emplace_back();
    answer.partition = partition;
    if (group && request.must_be_stable && group->undecided.contains({topic, partition})) {
      answer.error = kUnstableOffsetCommit;
      return;
    }
    if (!value) return;
    answer.offset = value->offset;
    answer.leader_epoch = value->leader_epoch;
    answer.metadata = value->metadata;
  };
  if (request.topics) {
    for (const auto& [topic, partitions] : *request.topics) {
      auto& answers = fetched.topics.emplace_back(topic, std::vector<FetchedOffsets::Partition>());
      for (const int32_t partition : partitions)
        add(answers.second, topic, partition,
            group ? group->offsets.find(topic, partition, *topics) : nullptr);
    }
  } else if (group) {
    for (const auto& [topic, partitions] : group->offsets.by_topic()) {
      const storage::TopicInfo* known = topics->find(topic);
      std::vector<FetchedOffsets::Partition> answers;
      for (const auto& [partition, value] : partitions)
        if (is_of(value, known)) add(answers, topic, partition, &value);
      if (!answers.empty()) fetched.topics.emplace_back(topic, std::move(answers));
    }
  }
  done(std::move(fetched));
}

void GroupPartition::handle(DeleteOffsets request, Done<DeletedOffsets> done) {
  const Group* group = find(request.group_id);
  if (!group) return done(request.refusal(kGroupIdNotFound));
  std::vector<std::string> subscribed;
  if (group->has_members()) {
    auto known = group->consumer ? std::optional(group->consumer->subscribed_topics())
                                 : group->classic->subscribed_topics();
    if (!known) return done(request.refusal(kNonEmptyGroup));
    subscribed = *std::move(known);
  }
  DeletedOffsets deleted;
  std::vector<OffsetKey> keys;
  for (const auto& [topic, partitions] : request.topics) {
    auto& answers = deleted.topics.emplace_back(topic, std::vector<PartitionError>()).second;
    const auto offsets = group->offsets.by_topic().find(topic);
    const bool is_used = std::ranges::binary_search(subscribed, topic);
    for (const int32_t partition : partitions) {
      answers.push_back({partition, is_used ? kGroupSubscribedToTopic : KafkaError::None});
      if (!is_used && offsets != group->offsets.by_topic().end() &&
          offsets->second.contains(partition))
        keys.push_back({request.group_id, topic, partition});
    }
  }
  if (keys.empty()) return done(std::move(deleted));
  std::vector<StoredRecord> records;
  for (const OffsetKey& key : keys) records.push_back({encode(key), std::nullopt});
  append(std::move(records), [this, keys = std::move(keys), deleted = std::move(deleted),
                              done = std::move(done)](KafkaError error) mutable {
    if (error != KafkaError::None) return done({error, {}});
    for (const OffsetKey& key : keys)
      if (Group* of = find(key.group_id)) of->offsets.erase(key);
    done(std::move(deleted));
  });
}

// Deletes all offsets of the group, and the group's own records. Used when the group has no other
// state.
void GroupPartition::erase_offsets(const std::string& id, std::vector<OffsetKey> keys,
                                   std::function<void(KafkaError)> done) {
  std::vector<StoredRecord> records;
  for (const OffsetKey& key : keys) records.push_back({encode(key), std::nullopt});
  if (const Group* of = find(id); of && of->consumer)
    for (StoredRecord& record : of->consumer->tombstones()) records.push_back(std::move(record));
  records.push_back({encode(GroupKey{id}), std::nullopt});
  append(std::move(records),
         [this, id, keys = std::move(keys), done = std::move(done)](KafkaError error) {
           if (error != KafkaError::None) return done(error);
           Group* group = find(id);
           for (const OffsetKey& key : keys)
             if (group) group->offsets.erase(key);
           // The group remains if a member has joined or committed meanwhile.
           if (group && is_idle(*group)) erase(id);
           done(KafkaError::None);
         });
}

// --- Expiry (KIP-211; KIP-496 for topics to which a group no longer subscribes)

std::vector<OffsetKey> GroupPartition::expired_offsets(const std::string& id,
                                                       const Group& group) const {
  const auto topics = around_.topics();
  const int64_t now_ms = around_.clock.wall_ms();
  const int64_t retention_ms = around_.settings.offsets_retention_ms;
  const ClassicGroup* classic = group.classic.get();
  const bool is_empty = !group.has_members();
  std::optional<std::vector<std::string>> subscribed;
  if (!is_empty && !classic) subscribed = group.consumer->subscribed_topics();
  if (!is_empty && classic && classic->state() == GroupState::Stable)
    subscribed = classic->subscribed_topics();
  std::vector<OffsetKey> expired;
  for (const auto& [topic, partitions] : group.offsets.by_topic()) {
    const storage::TopicInfo* known = topics->find(topic);
    const bool may_expire =
        is_empty || (subscribed && !std::ranges::binary_search(*subscribed, topic));
    for (const auto& [partition, value] : partitions) {
      // If the group had members, its offsets are kept until the group has been empty for the
      // retention time. If the group never had members, the retention time of each offset begins
      // with its commit.
      const bool counts_from_commit = !is_empty || !classic || classic->protocol_type().empty();
      const int64_t since_ms = counts_from_commit
                                   ? value.commit_time_ms
                                   : std::max(value.commit_time_ms, classic->state_time_ms());
      const int64_t until_ms =
          value.expire_time_ms >= 0 ? value.expire_time_ms : since_ms + retention_ms;
      if (!is_of(value, known) || (may_expire && now_ms >= until_ms))
        expired.push_back({id, topic, partition});
    }
  }
  return expired;
}

void GroupPartition::expire() {
  if (!log_.is_active()) return;
  auto ids = std::make_shared<std::vector<std::string>>();
  for (const auto& [id, group] : groups_) ids->push_back(id);
  for (const auto& [id, share] : shares_) share->expire();
  expire_some(std::move(ids));
}

void GroupPartition::expire_some(std::shared_ptr<std::vector<std::string>> ids) {
  for (size_t i = 0; i < kSliceOfGroups && !ids->empty() && log_.is_active(); ++i) {
    if (Group* group = find(ids->back())) expire_group(ids->back(), *group);
    ids->pop_back();
  }
  if (!ids->empty() && log_.is_active())
    port_.post_rest([this, ids = std::move(ids)]() mutable { expire_some(std::move(ids)); });
}

void GroupPartition::expire_group(const std::string& id, Group& group) {
  if (group.commits_under_way > 0 || !group.undecided.empty()) return;
  std::vector<OffsetKey> expired = expired_offsets(id, group);
  size_t count = 0;
  for (const auto& [topic, partitions] : group.offsets.by_topic()) count += partitions.size();
  const bool is_over = expired.size() == count && !group.has_members();
  if (is_over && (group.is_stored || !expired.empty()))
    return erase_offsets(id, std::move(expired), [](KafkaError) {});
  if (is_over) return erase(id);
  if (expired.empty()) return;
  std::vector<StoredRecord> records;
  for (const OffsetKey& key : expired) records.push_back({encode(key), std::nullopt});
  append(std::move(records), [this, expired = std::move(expired)](KafkaError error) {
    if (error != KafkaError::None) return;
    for (const OffsetKey& key : expired)
      if (Group* of = find(key.group_id)) of->offsets.erase(key);
  });
}

}  // namespace server::coordinator
