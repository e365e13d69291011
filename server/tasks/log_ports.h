// Implements the engine's interfaces to its inputs and outputs with the node's log.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/exec/ports.h"
#include "server/net/loop.h"
#include "server/tasks/durable_commit.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"

namespace server {

inline storage::TopicPartition to_storage(const engine::PartitionRef& ref) {
  return {ref.topic, ref.partition};
}
inline engine::PartitionRef to_engine(const storage::TopicPartition& partition) {
  return {partition.topic, partition.partition};
}

// Threads: the shard's. Views from poll() point into the log's memory map and are valid until
// release().
class LogSources final : public engine::Sources {
 public:
  static Result<std::unique_ptr<LogSources>> open(storage::Log& log);
  Result<std::vector<engine::Polled>> poll(
      std::span<const std::pair<engine::PartitionRef, Offset>> positions,
      size_t max_bytes) override;
  void release() override;

 private:
  explicit LogSources(std::unique_ptr<storage::LogReader> reader) : reader_(std::move(reader)) {}
  Result<engine::Polled> poll_one(const storage::TopicPartition& partition, Offset next,
                                  size_t max_bytes);
  Status hide_aborted(const storage::TopicPartition& partition,
                      std::vector<engine::LogBatch>& batches);

  std::unique_ptr<storage::LogReader> reader_;
  bool in_turn_ = false;
};

// Passes commits of tasks to the node's log. The answers arrive on the shard's loop.
class LogSink final : public engine::Sink {
 public:
  // Both callbacks run on the loop. `on_room` is called when the log's queue, which was full,
  // accepts commits again. `on_durable` is called for each commit in the order of its journal,
  // before the commit is answered, even if its task no longer exists.
  LogSink(storage::Log& log, Loop& loop, std::function<void()> on_room,
          std::function<void(const DurableCommit&)> on_durable)
      : log_(log), loop_(loop), on_room_(std::move(on_room)), on_durable_(std::move(on_durable)) {}
  bool try_commit(engine::TaskCommit& commit, engine::CommitDone& done) override;
  void hurry() override { log_.hurry(); }

 private:
  storage::Log& log_;
  Loop& loop_;
  const std::function<void()> on_room_;
  const std::function<void(const DurableCommit&)> on_durable_;
  bool waits_for_room_ = false;
};

}  // namespace server
