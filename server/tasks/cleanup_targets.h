// The partitions that retention and compaction may clean, and the positions of the queries that
// read them.
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

// Records behind the position of a persistent query are kept however long the query is paused or
// stopped, because the query has yet to read them. For a query without tasks the last known
// position counts, or its start position. Transient queries hold nothing back; they report lost
// records.
//
// Threads: the cleaner's, which waits for the shards, so the shards must run; holder_of() on any.
// Owner: the node.
class CleanupTargets final : public storage::CleanupPort {
 public:
  using FindImage = std::function<MetadataImagePtr()>;
  // Whether some replica of the partition is out of sync.
  using LacksReplicas = std::function<bool(const storage::TopicPartition&)>;
  CleanupTargets(const storage::Log& log, std::vector<Shard*> shards, FindImage image,
                 LacksReplicas lacks_replicas)
      : log_(log),
        shards_(std::move(shards)),
        image_(std::move(image)),
        lacks_replicas_(std::move(lacks_replicas)) {}

  std::vector<storage::CleanupTarget> targets() override;
  void hold(std::span<storage::CleanupTarget> targets) override;
  // Returns the query that held the partition back at the last cleanup; empty if none did.
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
  // policies_ are computed from the settings of these topics.
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  std::vector<TopicPolicy> policies_;
  std::map<std::string, Positions> positions_;  // last known positions by query
  mutable std::mutex mutex_;
  std::map<storage::TopicPartition, std::string> holders_;  // Guarded by mutex_
};

}  // namespace server
