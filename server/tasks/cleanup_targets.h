// Returns the partitions that retention and compaction may clean, and protects the records that
// queries have not read yet.
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

// The records that a persistent query has not read yet are kept, even if the query is paused or
// stopped for a long time, because it will still read them. If a query has no tasks, the records
// after its last known position are kept or, without such a position, those after its start
// position. Transient queries do not keep records from being deleted. They report lost records.
//
// Threads: the cleaner's thread, which waits for answers of the shards, so the shards must run;
// holder_of() on any thread. Owner: the node.
class CleanupTargets final : public storage::CleanupPort {
 public:
  using FindImage = std::function<MetadataImagePtr()>;
  // Returns whether at least one replica of the partition is not in sync.
  using LacksReplicas = std::function<bool(const storage::TopicPartition&)>;
  CleanupTargets(const storage::Log& log, std::vector<Shard*> shards, FindImage image,
                 LacksReplicas lacks_replicas)
      : log_(log),
        shards_(std::move(shards)),
        image_(std::move(image)),
        lacks_replicas_(std::move(lacks_replicas)) {}

  std::vector<storage::CleanupTarget> targets() override;
  void hold(std::span<storage::CleanupTarget> targets) override;
  // Returns the query for which the last cleanup kept records of the partition, because the query
  // had not read them yet. Empty if the cleanup kept no records for a query.
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
  // The topics from whose settings policies_ was computed. When the topics change, policies_ is
  // computed again.
  std::shared_ptr<const storage::TopicSnapshot> topics_;
  std::vector<TopicPolicy> policies_;
  std::map<std::string, Positions> positions_;  // last known positions by query
  mutable std::mutex mutex_;
  std::map<storage::TopicPartition, std::string> holders_;  // Guarded by mutex_
};

}  // namespace server
