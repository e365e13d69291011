// A task of a source. It reads records of the outside system, and commits the records to topics,
// together with the position after them.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/connect_task.h"
#include "server/connect/ports.h"
#include "server/connect/topic_batches.h"

namespace server {

struct SourceTaskPlan {
  TaskIdentity identity;
  // Opens the outside system. Called on the task's thread at each start, so that a password that
  // has changed is read again.
  std::function<Result<std::unique_ptr<SourceReader>>()> open;
  // Creates a missing topic, and checks that the owner of the connector may write to it. If this
  // function is not set, the topics exist.
  std::function<Status(const std::string& topic)> admit_topic = {};
  size_t max_records = 10'000;
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms;  // null: none
};

// Invariants:
//    1. confirm() of the reader is called for a batch only when the commit of the batch is durable;
//    2. at most one commit is in flight, and during it at most one further batch is read.
//
// Threads and owner: see ConnectTask.
class SourceTask final : public ConnectTask {
 public:
  SourceTask(TaskSurroundings around, SourceTaskPlan plan);
  ~SourceTask() override;

 private:
  struct InFlight {
    PendingCommit pending;
    SourcePositions positions;
    int64_t records = 0, bytes = 0, bad = 0;
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override;
  void on_pause() override { reader_->on_pause(); }
  void close() override;

  Result<SourceBatch> poll();
  // Applies the transforms to the records. A record for which a transform fails becomes a bad
  // record.
  void transform(SourceBatch& batch) const;
  Status admit_topics(const SourceBatch& batch);
  Status take_bad_records(const SourceBatch& batch);
  Result<InFlight> prepare(SourceBatch batch);

  const SourceTaskPlan plan_;
  // Only the task's thread uses the members below.
  std::unique_ptr<SourceReader> reader_;
  std::optional<InFlight> in_flight_;
  std::set<std::string> admitted_topics_;
};

}  // namespace server
