// What tasks need from outside. The server supplies these from storage, the test runner and unit
// tests from memory. All of it speaks in batches, never in single records.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace engine {

// A partition of a topic, or of an exchange between two stages of a query.
struct PartitionRef {
  Uuid topic;
  PartitionId partition;
  auto operator<=>(const PartitionRef&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const PartitionRef& ref) {
    return H::combine(std::move(h), ref.topic, ref.partition);
  }
};

// One record batch of the log (magic 2), whole, as it lies there. It may begin before the offset
// that was asked for.
struct LogBatch {
  std::string_view bytes;
  Offset base_offset, last_offset;
  // Its records are nobody's: they were aborted with their transaction, or say how one ended.
  bool is_hidden = false;
};

struct Polled {
  Status status;                  // of this partition alone; with an error the rest says nothing
  std::vector<LogBatch> batches;  // in order, without gaps that hold data
  Offset
      readable_end;  // offsets below it are committed; seen in the same snapshot for all partitions
  Offset log_start;
};

// Threads: belongs to the thread that steps the task.
class Sources {
 public:
  virtual ~Sources() = default;
  // For each position what follows it, up to about `max_bytes` together (at least one batch each,
  // where there is one). All from one snapshot. Views hold until release(). A position of INT64_MAX
  // asks for no batches, only for the ends. Fails only where none of them can be read.
  virtual Result<std::vector<Polled>> poll(
      std::span<const std::pair<PartitionRef, Offset>> positions, size_t max_bytes) = 0;
  virtual void release() = 0;
};

struct OutputBatch {
  PartitionRef to;
  std::string bytes;  // one record batch; its base offset is set by the log
};

// All that one micro-batch changes, durable together or not at all.
struct TaskCommit {
  std::string task;  // "CTAS_X_1/0/3": query id, stage, partition
  TaskEpoch epoch;
  TaskSequence sequence;
  std::string journal;  // positions, state entries, scalars: encode_journal()
  std::vector<OutputBatch> outputs;
  std::vector<std::pair<PartitionRef, Offset>> trims;  // exchange input that is not needed any more
  // Of a sink that had no room: what it has made of `journal`, which is empty then, for the next time.
  struct Sealed {
    std::string journal;
    size_t entry_bytes = 0;
  };
  std::optional<Sealed> sealed;
};

// With the commit of the log that made it durable.
using CommitDone = std::function<void(Result<CommitId>)>;

class Sink {
 public:
  virtual ~Sink() = default;
  // The only verb that writes. `done` is called on the task's thread once the commit is durable, or
  // refused; commits of one task are durable in order. False when the log is full just now: nothing
  // was taken, and the task is stepped again when there is room.
  virtual bool try_commit(TaskCommit& commit, CommitDone& done) = 0;
  // Somebody waits for the answers to the commits that were taken.
  virtual void hurry() {}
};

}  // namespace engine
