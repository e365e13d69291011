// A time-ordered exchange has a partition (lane) for each pair of writing and reading task. A reader merges its lanes
// by time. While a lane is empty, the reader does not know the time of its next row, and must wait with later rows of
// the other lanes. This file decides from the progress of the writing tasks how long it must wait.
//
// A "moment" is a list of offsets: the ends of a writer's inputs in one snapshot of the log. A writer has sent all rows
// of the moment if its progress has reached these offsets. The reader reads the ends itself, in the same snapshot as
// the lanes and the progress. So a writer that has reached the end of its inputs has to report its progress only once,
// with its last commit.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/exec/exchange_progress.h"
#include "engine/exec/ports.h"

namespace engine {

// A task that writes lanes.
struct LaneWriter {
  PartitionRef progress;  // partition of its progress records
  // The inputs of the task, in order, and their first offsets.
  std::vector<std::pair<PartitionRef, Offset>> inputs;
  size_t stream = 0;  // index in `inputs` of the stream from whose records its rows are made
};
// All lanes of the writer share the object, because any of them may be the last one that needs it.
using LaneWriterPtr = std::shared_ptr<const LaneWriter>;

// Reads the progress of the writers and compares it with the ends of their inputs.
//
// Threads: the task's. Owner: the InputHeads of the task.
class UpstreamProgress {
 public:
  explicit UpstreamProgress(std::vector<LaneWriterPtr> writers);

  // Appends the positions that are polled together with the lanes.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions) const;
  // Returns how many positions add_positions() appends.
  size_t position_count() const;
  // Reads the poll results of the positions that add_positions() has appended. Fails if the
  // progress of a writer cannot be read; failed_writer() is then the index of this writer.
  Status see(std::span<const Polled> polled);
  size_t failed_writer() const { return failed_writer_; }
  // Returns whether a writer has more progress records to poll.
  bool has_more() const { return has_more_; }

  // Sets the moment to the present ends of the writers' inputs, for records that begin to wait now.
  void note_moment();
  // Returns whether this record of the stream that the writer reads could be read at the noted
  // moment.
  bool was_there(size_t writer, int64_t source_offset) const {
    const Writer& asked = writers_[writer];
    return Offset(source_offset) < asked.noted_ends[asked.task->stream];
  }
  // Returns whether the exchange has all rows that the writer could make at the noted moment
  // (Noted), or can make now (Now).
  enum class AsOf : uint8_t { Noted, Now };
  bool has_sent_all(size_t writer, AsOf as_of) const;
  // Returns a lower bound for the times of the writer's later rows.
  int64_t time_from(size_t writer) const { return writers_[writer].told.time_from; }

 private:
  struct Writer {
    LaneWriterPtr task;
    Offset next_told{0};  // next offset to read in the writer's progress partition
    ExchangeProgress told;
    std::vector<Offset> ends, noted_ends;  // ends of its inputs now, and at the noted moment
  };
  static Status take_newest(Writer& writer, const Polled& polled);

  std::vector<Writer> writers_;
  size_t failed_writer_ = 0;
  bool has_more_ = false;
};

}  // namespace engine
