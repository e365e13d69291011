// Makes the records of a table's topic equal to those of another topic, all at once. So readers of
// committed records see either all old rows or all new rows.
#pragma once
#include <atomic>
#include <functional>
#include <memory>

#include "base/memory_budget.h"
#include "base/result.h"
#include "engine/exec/ports.h"
#include "server/tasks/log_ports.h"
#include "server/tasks/rebuild_port.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"

namespace server {

// Only the last record of each key counts, and only the differences are written: records of `from`
// that `to` does not have, and deletions of keys that only `to` has. If the topics are equal,
// nothing is written, so the call can be repeated after a crash.
//
// Threads: one that may wait. No query writes to the two topics meanwhile.
// Owner:   Rebuilds.
class TablePublisher {
 public:
  TablePublisher(storage::Log& log, MemoryBudget& memory, RebuildPort& port,
                 const std::atomic<bool>& must_stop)
      : log_(log), memory_(memory), port_(port), must_stop_(must_stop) {}

  struct Written {
    uint64_t records = 0, deletes = 0;
  };
  // Makes `to` equal to `from`. After a failure, readers of committed records see the topic
  // unchanged. But an open transaction may then hide all later records from them, until
  // RebuildPort::abort() ends it. NetworkFailure: it is not known whether `to` was changed.
  Result<Written> publish(const RebuildTopics& topics, ProducerId publisher);

 private:
  struct Keys;
  using Visit = std::function<Status(const records::RecordView& record, Offset offset)>;

  Status read(
      LogSources& sources, const engine::PartitionRef& partition, const Visit& visit,
      const std::function<Status()>& between_turns = [] { return Status{}; });
  static Status visit_batch(const engine::LogBatch& batch, const Visit& visit);
  Status publish_partition(LogSources& sources, const RebuildTopics& topics, PartitionId partition,
                           TableChanges& changes, Written& written);

  storage::Log& log_;
  MemoryBudget& memory_;
  RebuildPort& port_;
  const std::atomic<bool>& must_stop_;
};

}  // namespace server
