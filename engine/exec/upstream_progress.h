// How far the tasks have come that write a time-ordered exchange, as one of its readers sees it. A lane that
// is empty holds the others up only while its writer may still send what goes before them.
//
// A writer has sent all that it had, as of some moment, when it has come to where its inputs ended at
// that moment; the reader looks at these ends itself, in the snapshot in which it reads lanes and
// progress. So a writer that has come to its end says so once, with its last commit.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/exec/exchange_progress.h"
#include "engine/exec/ports.h"

namespace engine {

// The task that writes a lane.
struct LaneWriter {
  PartitionRef progress;  // where it tells how far it has come
  // What it reads, in the order of its inputs, and where it began.
  std::vector<std::pair<PartitionRef, Offset>> inputs;
  size_t stream = 0;  // which of them is the stream that its rows are made of
};
// Of the lanes to all readers, any of which may be the last.
using LaneWriterPtr = std::shared_ptr<const LaneWriter>;

// Threads: the task's. Owner: its heads.
class UpstreamProgress {
 public:
  explicit UpstreamProgress(std::vector<LaneWriterPtr> writers);

  // Appends what is to be polled together with the lanes.
  void add_positions(std::vector<std::pair<PartitionRef, Offset>>& positions) const;
  // How many these are.
  size_t position_count() const;
  // What came of these. Fails with the writer in failed_writer(): its progress cannot be read.
  Status see(std::span<const Polled> polled);
  size_t failed_writer() const { return failed_writer_; }
  // Whether there is more to poll of what a writer tells.
  bool has_more() const { return has_more_; }

  // Notes this moment, for those who wait since then.
  void note_moment();
  // Whether this record of its stream could be read at that moment.
  bool was_there(size_t writer, int64_t source_offset) const {
    const Writer& asked = writers_[writer];
    return Offset(source_offset) < asked.noted_ends[asked.task->stream];
  }
  // Whether all that the writer had at the moment that was noted, or has now, is in the exchange.
  enum class AsOf : uint8_t { Noted, Now };
  bool has_sent_all(size_t writer, AsOf as_of) const;
  // No row that the writer still sends goes before this time.
  int64_t time_from(size_t writer) const { return writers_[writer].told.time_from; }

 private:
  struct Writer {
    LaneWriterPtr task;
    Offset next_told{0};  // in the partition of its progress
    ExchangeProgress told;
    std::vector<Offset> ends, noted_ends;  // of its inputs
  };
  static Status take_newest(Writer& writer, const Polled& polled);

  std::vector<Writer> writers_;
  size_t failed_writer_ = 0;
  bool has_more_ = false;
};

}  // namespace engine
