// What retention and compaction may clean: the partitions of topics with a policy, and where queries that
// read them have come to.
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/metadata/image.h"
#include "server/tasks/shard.h"
#include "storage/log/cleanup_policy.h"
#include "storage/log/log.h"

namespace server {

storage::CleanupPolicy cleanup_policy(const storage::TopicInfo& topic);

// A query that runs has yet to read what lies behind its position, so that stays, however long the query is
// paused or cannot go on. Of one that has no tasks the last position is taken that was seen, or where it
// began. Transient queries hold nothing: they are told what they have lost.
//
// Threads: the cleaner's, which waits for the shards: they run; holder_of() on any.
// Owner: the node.
class CleanupTargets final : public storage::CleanupPort {
 public:
  using FindImage = std::function<MetadataImagePtr()>;
  // Of partitions some replica of which is not in sync.
  using LacksReplicas = std::function<bool(const storage::TopicPartition&)>;
  CleanupTargets(const storage::Log& log, std::vector<Shard*> shards, FindImage image,
                 LacksReplicas lacks_replicas)
      : log_(log),
        shards_(std::move(shards)),
        image_(std::move(image)),
        lacks_replicas_(std::move(lacks_replicas)) {}

  std::vector<storage::CleanupTarget> targets() override;
  void hold(std::span<storage::CleanupTarget> targets) override;
  // The query that holds the partition back, as of the last look at it; empty: none does.
  std::string holder_of(const storage::TopicPartition& partition) const;

 private:
  using Positions = std::map<storage::TopicPartition, Offset>;
  struct TopicPolicy {
    Uuid topic;
    int32_t partition_count;
    storage::CleanupPolicy policy;
  };
  void ask_shards(const std::vector<std::string>& queries);
  Offset position_of(const DefinedQuery& query, const storage::TopicPartition& partition) const;

  const storage::Log& log_;
  const std::vector<Shard*> shards_;
  const FindImage image_;
  const LacksReplicas lacks_replicas_;
  // Read from the settings of these topics.
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  std::vector<TopicPolicy> policies_;
  std::map<std::string, Positions> positions_;  // by query, as last seen
  mutable std::mutex mutex_;
  std::map<storage::TopicPartition, std::string> holders_;  // Guarded by mutex_
};

}  // namespace server
