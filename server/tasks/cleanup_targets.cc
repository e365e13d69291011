#include "server/tasks/cleanup_targets.h"

#include <algorithm>
#include <charconv>
#include <future>
#include <set>
#include <span>

#include "server/metadata/query_topics.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

double ratio_of(const storage::TopicInfo& topic) {
  const std::string_view text = storage::topic_config(topic, "min.cleanable.dirty.ratio");
  double ratio = 0.5;
  std::from_chars(text.data(), text.data() + text.size(), ratio);
  return ratio;
}

}  // namespace

storage::CleanupPolicy cleanup_policy(const storage::TopicInfo& topic) {
  const auto number = [&](std::string_view name) {
    return storage::topic_config_number(topic, name);
  };
  return {.deletes = storage::has_cleanup_policy(topic, "delete"),
          .compacts = storage::has_cleanup_policy(topic, "compact"),
          .retention_ms = number("retention.ms"),
          .retention_bytes = number("retention.bytes"),
          .min_compaction_lag_ms = number("min.compaction.lag.ms"),
          .max_compaction_lag_ms = number("max.compaction.lag.ms"),
          .delete_retention_ms = number("delete.retention.ms"),
          .min_cleanable_dirty_ratio = ratio_of(topic),
          .segment_bytes = number("segment.bytes"),
          .segment_ms = number("segment.ms")};
}

std::vector<storage::CleanupTarget> CleanupTargets::targets() {
  const MetadataImagePtr image = image_();
  if (topics_ != image->topics) {
    topics_ = image->topics;
    policies_.clear();
    for (const auto& [name, topic] : topics_->by_name())
      if (const auto policy = cleanup_policy(topic); policy.asks_for_anything())
        policies_.push_back({topic.id, topic.partition_count, policy});
    std::lock_guard lock(mutex_);
    std::erase_if(holders_, [&](const auto& each) { return !topics_->find(each.first.topic); });
  }
  std::vector<storage::CleanupTarget> targets;
  for (const TopicPolicy& topic : policies_)
    for (int32_t partition = 0; partition < topic.partition_count; ++partition) {
      const storage::TopicPartition id{topic.topic, PartitionId(partition)};
      const auto status = log_.find_partition(id);
      if (!status) continue;
      // Cleaning stops at readable_end(). A query that is created in the meantime begins at or
      // after this offset, unless it begins at the start of the log.
      targets.push_back({id, topic.policy, status->readable_end()});
      // Tombstones are kept while a replica is not in sync, because the replica may not have them
      // yet. Without this rule, a replica that is out of sync for longer than delete.retention.ms
      // would never get them.
      targets.back().policy.keeps_tombstones = topic.policy.compacts && lacks_replicas_(id);
    }
  return targets;
}

void CleanupTargets::hold(std::span<storage::CleanupTarget> targets) {
  const MetadataImagePtr image = image_();
  std::map<Uuid, std::vector<DefinedQueryPtr>> readers;
  std::set<std::string> asked;
  for (const storage::CleanupTarget& target : targets) {
    const auto [found, is_new] = readers.try_emplace(target.partition.topic);
    if (!is_new) continue;
    for (DefinedQueryPtr& query : image->users_of(target.partition.topic)) {
      if (!topics_read_by(*query).contains(target.partition.topic)) continue;
      asked.insert(query->query->id);
      found->second.push_back(std::move(query));
    }
  }
  std::erase_if(positions_, [&](const auto& each) { return !image->find_query(each.first); });
  ask_shards({asked.begin(), asked.end()});
  for (storage::CleanupTarget& target : targets) {
    std::string holder;
    for (const DefinedQueryPtr& query : readers.at(target.partition.topic))
      if (const Offset position = position_of(*query, target.partition);
          position < target.keep_from) {
        target.keep_from = position;
        holder = query->query->id;
      }
    std::lock_guard lock(mutex_);
    if (holder.empty())
      holders_.erase(target.partition);
    else
      holders_[target.partition] = std::move(holder);
  }
}

// Asks all shards, because a query may have tasks on each of them. Each request names only some of
// the queries, because a shard's loop is blocked while it answers.
void CleanupTargets::ask_shards(const std::vector<std::string>& queries) {
  constexpr size_t kAtATime = 200;
  for (size_t begin = 0; begin < queries.size(); begin += kAtATime) {
    const auto some = std::span(queries).subspan(begin, std::min(kAtATime, queries.size() - begin));
    std::map<std::string, Positions> seen;
    for (Shard* shard : shards_) {
      std::promise<std::vector<InputPosition>> answer;
      shard->post([&] { answer.set_value(shard->positions(some)); });
      for (InputPosition& each : answer.get_future().get()) {
        auto [known, is_new] =
            seen[std::move(each.query_id)].try_emplace(to_storage(each.partition), each.committed);
        if (!is_new) known->second = std::min(known->second, each.committed);
      }
    }
    for (auto& [query, positions] : seen) positions_[query] = std::move(positions);
  }
}

Offset CleanupTargets::position_of(const DefinedQuery& query,
                                   const storage::TopicPartition& partition) const {
  if (const auto seen = positions_.find(query.query->id); seen != positions_.end())
    if (const auto position = seen->second.find(partition); position != seen->second.end())
      return position->second;
  for (const StartPosition& start : query.starts)
    if (start.topic == partition.topic && start.partition == partition.partition)
      return start.offset;
  return Offset(0);
}

std::string CleanupTargets::holder_of(const storage::TopicPartition& partition) const {
  std::lock_guard lock(mutex_);
  const auto holder = holders_.find(partition);
  return holder == holders_.end() ? "" : holder->second;
}

}  // namespace server
