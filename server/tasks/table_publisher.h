// Makes the records of a table's topic equal to those of another topic, in one transaction. So
// readers of committed records see either all old rows or all new rows.
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

// Only the last record of each key counts, and only the differences are written: records of `from`
// that `to` does not have, and deletions of keys that only `to` has. If the topics are equal,
// nothing is written, so the call can be repeated after a crash.
//
// Threads: one that may wait. No other writer uses the two topics meanwhile.
// Owner:   Rebuilds.
class TablePublisher {
 public:
  TablePublisher(storage::Log& log, MemoryBudget& memory, const Clock& clock,
                 const std::atomic<bool>& must_stop)
      : log_(log), memory_(memory), clock_(clock), must_stop_(must_stop) {}

  struct Topics {
    Uuid from, to;
    // Number of partitions of each of the two topics. Because the numbers are equal, a key is in
    // the same partition of both.
    int32_t partitions = 0;
  };
  struct Written {
    uint64_t records = 0, deletes = 0;
  };
  // Makes `to` equal to `from`. Before a crash, the producer may have left a transaction open;
  // publish() first aborts it. After a failure, readers of committed records see the topic
  // unchanged. But the open transaction then hides all later records from them, until abort_open()
  // ends it.
  Result<Written> publish(const Topics& topics, ProducerId producer);
  // If the producer has left a transaction open, aborts it. Returns the epoch with which the
  // producer may continue.
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
