// The implementation of ClusterTopics for a lone node, which leads all partitions itself.
#pragma once
#include <memory>
#include <vector>

#include "base/memory_budget.h"
#include "server/metadata/metadata_applier.h"
#include "server/sql/cluster_topics.h"
#include "server/sql/read/committed_ends.h"
#include "server/sql/write/write_fence.h"
#include "storage/log/log.h"

namespace server {

// Owner: SqlParts, whose other members outlive it.
class LocalTopics final : public ClusterTopics {
 public:
  LocalTopics(storage::Log& log, MemoryBudget& memory, const MetadataApplier& definitions,
              CommittedEnds& committed_ends, WriteFence& fence)
      : log_(log),
        memory_(memory),
        definitions_(definitions),
        committed_ends_(committed_ends),
        fence_(fence) {}
  // Fails with ObjectState while a topic is fenced (WriteFence).
  void append(storage::AppendRequest request, AppendTo to, Loop* here,
              storage::AppendDone done) override;
  bool appends_conditionally() const override { return false; }
  void append_changes(std::vector<Change> parts, ChangesDone done) override;
  // Fails with NotSupported if several parts have conditions.
  void commit(std::vector<Change> parts, CommitDone done) override;
  bool asks_leaders() const override { return false; }
  void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                std::function<void(Result<Ends>)> done) override;
  std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition>,
                                       int64_t) const override {
    return std::nullopt;
  }
  Ends written_since(std::span<const storage::TopicPartition>, int64_t) const override {
    return {};
  }
  bool has_topic(const Uuid& topic) const override;
  bool has_replica(const storage::TopicPartition&) const override { return true; }
  int replicas_of(const Uuid&) const override { return 1; }
  std::optional<int32_t> leader_of(const storage::TopicPartition&) const override {
    return std::nullopt;
  }
  std::vector<engine::NodeStatus> nodes() const override { return {}; }

 private:
  struct Waiting;
  // Returns false if the log's queue is full.
  Result<bool> try_append(storage::AppendRequest& request, AppendTo to, Loop* here,
                          storage::AppendDone& done);
  void wait_for_room(const std::shared_ptr<Waiting>& waiting);
  storage::AppendDone noted(storage::AppendDone done);
  void append_change(Change change, storage::AppendDone done);

  storage::Log& log_;
  MemoryBudget& memory_;
  const MetadataApplier& definitions_;
  CommittedEnds& committed_ends_;
  WriteFence& fence_;
};

}  // namespace server
