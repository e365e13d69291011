// Makes the topic of a table say what another topic says, in one transaction: readers of what is committed see all of
// the old rows or all of the new ones.
#pragma once
#include <atomic>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/exec/ports.h"
#include "server/tasks/log_ports.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"

namespace server {

// Of each key the last record counts. What differs is written: records of `from` that `to` does not have, deletes of keys
// that only `to` has. Nothing where they say the same, so that doing it again after a crash is no harm.
//
// Threads: one that may wait. Nobody else writes to the two topics meanwhile.
// Owner:   Rebuilds.
class TablePublisher {
 public:
  TablePublisher(storage::Log& log, MemoryBudget& memory, const Clock& clock,
                 const std::atomic<bool>& must_stop)
      : log_(log), memory_(memory), clock_(clock), must_stop_(must_stop) {}

  struct Topics {
    Uuid from, to;
    int32_t partitions = 0;  // of either: a key lies in the same one of both
  };
  struct Written {
    uint64_t records = 0, deletes = 0;
  };
  // What the producer has left open in the topic, before a crash, is aborted first. On failure the topic is as it was
  // for those who read what is committed, but what is open holds up all that comes behind it: abort_open() ends it.
  Result<Written> publish(const Topics& topics, ProducerId producer);
  // Returns the epoch under which the producer may go on.
  Result<int16_t> abort_open(const Topics& topics, ProducerId producer);

 private:
  class Transaction;
  struct Keys;
  using Visit = std::function<Status(const records::RecordView& record, Offset offset)>;

  Status read(
      LogSources& sources, const engine::PartitionRef& partition, const Visit& visit,
      const std::function<Status()>& between_turns = [] { return Status{}; });
  static Status visit_batch(const engine::LogBatch& batch, const Visit& visit);
  Status publish_partition(LogSources& sources, const Topics& topics, PartitionId partition,
                           Transaction& transaction, Written& written);
  Status append(storage::AppendRequest request);

  storage::Log& log_;
  MemoryBudget& memory_;
  const Clock& clock_;
  const std::atomic<bool>& must_stop_;
};

}  // namespace server
