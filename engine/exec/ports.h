// Interfaces through which tasks reach the log. The server implements them on storage, the test runner and unit tests
// in memory. They exchange whole batches, never single records.
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

// One complete record batch of the log (magic 2), as stored. Its first record may be before the
// requested offset.
struct LogBatch {
  std::string_view bytes;
  Offset base_offset, last_offset;
  // Set if the records belong to an aborted transaction, or are transaction markers: readers skip them.
  bool is_hidden = false;
};

struct Polled {
  // an error of this partition only; the other fields are then not valid
  Status status;
  std::vector<LogBatch> batches;  // in order, without gaps that hold data
  Offset readable_end;  // end of the committed records; from the same snapshot for all partitions
  Offset log_start;
};

// Threads: belongs to the thread that steps the task.
class Sources {
 public:
  virtual ~Sources() = default;
  // Returns the batches from each position on, about `max_bytes` in total, but at least one batch
  // for each position that has one. All batches are from one snapshot. Their bytes are valid until
  // release(). For the position INT64_MAX, only the ends are returned. Fails only if no partition
  // can be read.
  virtual Result<std::vector<Polled>> poll(
      std::span<const std::pair<PartitionRef, Offset>> positions, size_t max_bytes) = 0;
  virtual void release() = 0;
};

struct OutputBatch {
  PartitionRef to;
  std::string bytes;  // one record batch; its base offset is set by the log
};

// All changes of one micro-batch, which become durable together or not at all.
struct TaskCommit {
  std::string task;  // for example "CTAS_X_1/0/3": query id, stage, partition
  TaskEpoch epoch;
  TaskSequence sequence;
  std::string journal;  // positions, state entries, scalars: encode_journal()
  std::vector<OutputBatch> outputs;
  std::vector<std::pair<PartitionRef, Offset>> trims;  // exchange records that are no longer needed
  // Set by a sink that could not accept the commit because the log was full: `journal` in its
  // encoded form. So the next attempt need not encode it again. `journal` itself is then empty.
  struct Sealed {
    std::string journal;
    size_t entry_bytes = 0;
  };
  std::optional<Sealed> sealed;
};

// Receives the log commit that made the task commit durable.
using CommitDone = std::function<void(Result<CommitId>)>;

class Sink {
 public:
  virtual ~Sink() = default;
  // Accepts a commit; this is the only way in which a task writes. `done` is called on the task's
  // thread when the commit is durable or refused. The commits of one task become durable in order.
  // Returns false if the log is full at present. The arguments are then unchanged, except that
  // `commit` may be sealed, and the task is stepped again when the log has space.
  virtual bool try_commit(TaskCommit& commit, CommitDone& done) = 0;
  // Called when a caller waits for the accepted commits, so that the sink does not delay them.
  virtual void hurry() {}
};

}  // namespace engine
