// One persistent query that runs in memory: all stages, one partition each.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/exec/task.h"
#include "engine/plan/plan.h"
#include "engine/testing/case_engine.h"
#include "engine/testing/memory_log.h"

namespace engine {

// Threads: one.
class MemoryQuery {
 public:
  static Result<std::unique_ptr<MemoryQuery>> make(const QueryPlan& plan, const Clock& clock);

  // Runs of records of one topic are taken as one batch each; the query comes to rest before the
  // next run. So records reach it in this order, whatever their timestamps. Fails when a task
  // fails.
  Status feed(std::span<const RawRecord> records, std::vector<RawRecord>& written);

 private:
  MemoryQuery(const QueryPlan& plan, const Clock& clock) : plan_(plan), clock_(clock) {}
  Status build();
  Status run_to_rest();
  Status drain(std::vector<RawRecord>& written);
  PartitionRef topic_partition(const std::string& topic) const;
  PartitionRef exchange_partition(int exchange) const;
  PartitionRef sink_partition() const;

  const QueryPlan plan_;
  const Clock& clock_;
  std::vector<std::string> topics_;  // that it reads; the index is part of the partition's id
  MemoryLog log_;
  std::vector<std::unique_ptr<Task>> tasks_;
  size_t drained_batches_ = 0;
};

// The topics that a query reads, in the order of its text, each once.
std::vector<std::string> source_topics(const QueryPlan& plan);

}  // namespace engine
