// Runs one persistent query in memory, with all its stages. Each topic and each exchange has one partition.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/exec/task.h"
#include "engine/plan/plan.h"
#include "engine/testing/case_engine.h"
#include "engine/testing/memory_checkpoints.h"
#include "engine/testing/memory_log.h"

namespace engine {

// Threads: one.
class MemoryQuery {
 public:
  // MakeCaseEngine describes `cached_entries`. `schemas` outlives the query.
  static Result<std::unique_ptr<MemoryQuery>> make(const QueryPlan& plan, const Clock& clock,
                                                   size_t cached_entries,
                                                   const SchemaLookup& schemas);

  // Processes records. Consecutive records of one topic form a batch, and the query becomes idle
  // before the next batch, so records reach the query in this order, whatever their timestamps.
  // Appends the records that the query wrote. Fails if a task fails.
  Status feed(std::span<const RawRecord> records, std::vector<RawRecord>& written);

 private:
  MemoryQuery(const QueryPlan& plan, const Clock& clock, size_t cached_entries,
              const SchemaLookup& schemas)
      : plan_(plan), clock_(clock), cached_entries_(cached_entries), schemas_(schemas) {}
  Status build();
  Status run_to_rest();
  Status drain(std::vector<RawRecord>& written);
  PartitionRef topic_partition(const std::string& topic) const;
  PartitionRef exchange_partition(int exchange) const;
  std::vector<Task::Input> inputs_of(const StagePlan& stage) const;
  PartitionRef sink_partition() const;

  const QueryPlan plan_;
  const Clock& clock_;
  const size_t cached_entries_;
  const SchemaLookup& schemas_;
  std::vector<std::string> topics_;  // topics read; a partition's id contains the index
  MemoryLog log_;
  MemoryCheckpoints checkpoints_;
  CheckpointingSink sink_{log_, checkpoints_};
  std::vector<std::unique_ptr<Task>> tasks_;
  size_t drained_batches_ = 0;
};

// Returns the topics that a query reads, in the order of its text, each once.
std::vector<std::string> source_topics(const QueryPlan& plan);

}  // namespace engine
