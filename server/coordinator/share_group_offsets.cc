// The progress of a share group, which administrators can read and change.
#include <algorithm>
#include <utility>

#include "server/coordinator/share_assignor.h"
#include "server/coordinator/share_group.h"

namespace server::coordinator {

ShareGroupOffsets ShareGroup::offsets(const DescribeShareGroupOffsets& request) const {
  const auto topics = around_.topics();
  const bool committed = reads_committed();
  const auto describe = [&](const TopicIdPartition& id) {
    ShareGroupOffsets::Partition partition{.partition = id.partition};
    const auto found = shared_.find(id);
    if (found == shared_.end() || !found->second.state.has_begun()) return partition;
    const SharePartition& state = found->second.state;
    partition.start_offset = state.start();
    if (const auto extent = around_.shared_log->extent(id, committed))
      partition.lag = std::max<int64_t>(
          0, extent->end - std::max(state.start(), extent->start) - state.done_in_window());
    return partition;
  };
  ShareGroupOffsets described;
  if (request.topics) {
    for (const auto& [name, partitions] : *request.topics) {
      ShareGroupOffsets::Topic& topic = described.topics.emplace_back();
      topic.name = name;
      const storage::TopicInfo* known = topics->find(name);
      if (known) topic.id = known->id;
      for (const int32_t partition : partitions) {
        if (known && is_there({known->id, partition})) {
          topic.partitions.push_back(describe({known->id, partition}));
        } else {
          topic.partitions.push_back(
              {.partition = partition, .error = KafkaError::UnknownTopicOrPartition});
        }
      }
    }
    return described;
  }
  for (const auto& [id, shared] : shared_) {
    const storage::TopicInfo* known = topics->find(id.topic_id);
    if (!known) continue;
    if (described.topics.empty() || described.topics.back().id != id.topic_id)
      described.topics.push_back({.name = known->name, .id = known->id});
    described.topics.back().partitions.push_back(describe(id));
  }
  return described;
}

void ShareGroup::alter(const AlterShareGroupOffsets& request, Done<ShareGroupOffsets> done) {
  const auto topics = around_.topics();
  ShareGroupOffsets altered;
  bool has_set = false;
  for (const auto& [name, partitions] : request.topics) {
    ShareGroupOffsets::Topic& topic = altered.topics.emplace_back();
    topic.name = name;
    const storage::TopicInfo* known = topics->find(name);
    if (known) topic.id = known->id;
    for (const auto& [partition, offset] : partitions) {
      ShareGroupOffsets::Partition& answer =
          topic.partitions.emplace_back(ShareGroupOffsets::Partition{.partition = partition});
      if (!known || !is_there({known->id, partition})) {
        answer.error = KafkaError::UnknownTopicOrPartition;
        continue;
      }
      if (offset < 0) {
        answer.error = KafkaError::InvalidRequest;
        continue;
      }
      const TopicIdPartition id{known->id, partition};
      Shared& shared = shared_[id];
      shared.state.begin_at(offset);
      // Leaders that have read the state before can no longer change it.
      shared.state_epoch = new_state_epoch();
      has_set = true;
      answer.start_offset = offset;
      charge(shared);
      put_whole(id, shared);
    }
  }
  if (!has_set) return done(std::move(altered));
  if (epoch_ == 0) bump();
  commit([altered = std::move(altered), done = std::move(done)](KafkaError error) mutable {
    altered.error = error;
    done(std::move(altered));
  });
}

void ShareGroup::forget(const DeleteShareGroupOffsets& request, Done<DeletedShareOffsets> done) {
  const auto topics = around_.topics();
  DeletedShareOffsets deleted;
  for (const std::string& name : request.topics) {
    DeletedShareOffsets::Topic& topic = deleted.topics.emplace_back();
    topic.name = name;
    const storage::TopicInfo* known = topics->find(name);
    if (!known) {
      topic.error = KafkaError::UnknownTopicOrPartition;
      continue;
    }
    topic.id = known->id;
    auto shared = shared_.lower_bound({known->id, INT32_MIN});
    while (shared != shared_.end() && shared->first.topic_id == known->id) shared = erase(shared);
  }
  commit([deleted = std::move(deleted), done = std::move(done)](KafkaError error) mutable {
    deleted.error = error;
    done(std::move(deleted));
  });
}

void ShareGroup::expire() {
  const auto topics = around_.topics();
  for (auto shared = shared_.begin(); shared != shared_.end();)
    shared = topics->find(shared->first.topic_id) ? std::next(shared) : erase(shared);
  if (changes_.has_any()) commit([](KafkaError) {});
}

// Returns the progress. The start of a partition (SharePartition::start()) is shown as its
// committed offset, because all records before the start count as read, as in a consumer group.
GroupProgress ShareGroup::progress() const {
  GroupProgress progress{id_, std::string(state()), "share", std::string(kSimpleAssignor),
                         members_.size()};
  const auto topics = around_.topics();
  std::map<std::pair<std::string, int32_t>, GroupProgress::Partition> found;
  const auto part = [&](const TopicIdPartition& id) -> GroupProgress::Partition* {
    const storage::TopicInfo* known = topics->find(id.topic_id);
    if (!known) return nullptr;
    GroupProgress::Partition& each = found[{known->name, id.partition}];
    each.topic = known->name;
    each.partition = id.partition;
    return &each;
  };
  for (const auto& [id, shared] : shared_)
    if (shared.state.has_begun())
      if (GroupProgress::Partition* each = part(id)) each->committed = shared.state.start();
  // Several members may read a partition. Only the first of them is shown.
  for (const auto& [name, member] : members_)
    for (const TopicIdPartition& id : member.assigned)
      if (GroupProgress::Partition* each = part(id); each && each->member.empty())
        each->member = name;
  for (auto& [name, each] : found) progress.partitions.push_back(std::move(each));
  return progress;
}

}  // namespace server::coordinator
