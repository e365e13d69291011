// Implements the interfaces through which sessions use the cluster, with this node's member.
#pragma once
#include "base/memory_budget.h"
#include "server/cluster/cluster_member.h"
#include "server/metadata/metadata_applier.h"
#include "server/node/server_metrics.h"
#include "server/sql/cluster_topics.h"
#include "server/sql/read/acknowledged_ends.h"

namespace server {

// Owner: SqlParts; the member outlives it.
class MemberTopics final : public ClusterTopics {
 public:
  MemberTopics(ClusterMember& member, const Clock& clock, MemoryBudget& memory,
               const MetadataApplier& definitions)
      : member_(member), clock_(clock), memory_(memory), definitions_(definitions) {}
  // Rows that wait for leaders are charged to the memory budget.
  void append(storage::AppendRequest request, AppendTo to, Loop* here,
              storage::AppendDone done) override;
  bool appends_conditionally() const override { return true; }
  bool asks_leaders() const override { return true; }
  void append_changes(std::vector<Change> parts, ChangesDone done) override;
  void commit(std::vector<Change> parts, CommitDone done) override;
  void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                std::function<void(Result<Ends>)> done) override;
  std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition> partitions,
                                       int64_t asked_us) const override;
  Ends written_since(std::span<const storage::TopicPartition> partitions,
                     int64_t since_us) const override;
  bool has_topic(const Uuid& topic) const override;
  bool has_replica(const storage::TopicPartition& partition) const override;
  std::optional<int32_t> leader_of(const storage::TopicPartition& partition) const override;
  int replicas_of(const Uuid& topic) const override;
  std::vector<engine::NodeStatus> nodes() const override;

 private:
  using NoteWritten = std::function<void(const storage::AppendedBatch&)>;
  NoteWritten note_written() const;

  ClusterMember& member_;
  const Clock& clock_;
  MemoryBudget& memory_;
  const MetadataApplier& definitions_;
  // Callbacks share its ownership, because answers may arrive after this object was destroyed.
  const std::shared_ptr<AcknowledgedEnds> acknowledged_ends_ = std::make_shared<AcknowledgedEnds>();
  const std::shared_ptr<AcknowledgedEnds> written_ends_ = std::make_shared<AcknowledgedEnds>();
};

// Figures for /metrics.
MetricsSources::Cluster cluster_health(const ClusterMember& member);

// Facts for SHOW SERVER: one line per node.
std::vector<engine::ServerFact> cluster_facts(const ClusterMember& member);

}  // namespace server
