// What lies at the heads of a task's input partitions: records that are decoded and not yet taken, and
// which of them goes next.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/exec/awaited_topics.h"
#include "engine/exec/input.h"
#include "engine/exec/ports.h"
#include "engine/exec/shared_records.h"
#include "engine/exec/upstream_progress.h"

namespace engine {

// One partition that a task reads.
struct HeadSource {
  InputOperator* input = nullptr;
  PartitionRef partition;
  uint32_t stage_input = 0;
  Offset begin;                   // the first record to take
  std::optional<Offset> stop_at;  // records from it on are not taken
  LaneWriterPtr writer = {};      // of a lane of a time-ordered exchange
  TopicWritersPtr writers = {};   // of a topic whose rows are waited for
};

// Rows that go to one input of the stage, one after the other.
struct Run {
  size_t source = 0;  // whose record is the first; of several partitions all feed the same input
  Batch batch;
};

// Records of a partition that were deleted before the task came to them.
struct LostRecords {
  Offset first_offset, end_offset;
};

struct HeadLimits {
  size_t max_rows = 4096;  // taken at once
  size_t max_bytes = 512 * 1024;
  // That come out of compressed batches at once: some milliseconds' work.
  size_t unpack_bytes = size_t{1} << 20;
};

// The records of several partitions are taken in the order of event time: first the partitions that the plan wants to be
// read first, then the smallest timestamp, ties to tables, then to the partition that was declared first. If the decoded
// records of a partition are used up, and it has more, nothing else is taken: its next record might come first.
//
// An empty lane of a time-ordered exchange holds up the rows behind the next row that its writer may still send, unless the
// writer has sent everything that it had at a certain moment. If that moment were always now, two writers that lag and
// always have more would hold up all others for ever. So a moment is noted, and rows of records that could be read then
// wait for no others. It is noted again when the rows that were decoded then are taken. Rows that come later may be taken
// too if nothing holds them up as of now; else they have a moment of their own.
//
//   lane 0   10 20 | 40        |: the moment. 30 is taken when the writer of lane 2 has sent all that it had
//   lane 1   30    |           then, or reports a later time; 40 with the next moment at the latest.
//   lane 2   -     |
//
// An empty partition of a topic that other queries write (engine/exec/awaited_topics.h) holds up the records of the
// other kind: a stream's record waits for the rows that a table is still owed for what could be read when the record was
// seen, and a table's row for the records of a stream. If the partition is not empty, its next record is known, and the
// order of times decides. Here no record overtakes another: if the first of all could not be read at the noted
// moment, it is noted again. Each time that happens one more partition has a record, so it ends.
//
// Each record is decoded once: what is not taken stays, so that partitions whose times lie far apart
// cost no more than others.
//
// Threads: the task's. Owner: the task.
class InputHeads {
 public:
  InputHeads(std::vector<HeadSource> sources, HeadLimits limits);

  // From now on it decodes with others, where that helps. They must outlive it.
  void share(SharedRecords& records);

  // Asks for more only where there is little left.
  std::vector<std::pair<PartitionRef, Offset>> positions();
  // The next records, of what was polled for positions(); they may be views into it. Fails with the
  // first record that cannot be decoded, or whose partition cannot be read, if it is the first of all:
  // failed_at() is its place.
  Result<std::vector<Run>> take(std::span<const Polled> polled, size_t max_rows);
  // Copies what is left of bytes that the log takes back.
  void own();
  // What it has copied so.
  size_t owned_bytes() const;
  // Whether the last take() has left records because of writers that are behind: only these help.
  bool is_held_up() const { return is_held_up_; }
  // The query that a topic's rows are waited for, if that is why; else empty.
  const std::string& awaited_query() const { return awaited_query_; }
  // Why the next record of a partition could not be read in the last take(): its schema is on its way from
  // elsewhere. Empty: none waits.
  const std::string& waits_for() const { return waits_for_; }

  // --- Of one partition, by its index
  Offset taken(size_t source) const { return heads_[source].taken; }
  bool has_more(size_t source) const;
  // The end of what can be read, as of the last poll.
  Offset readable_end(size_t source) const { return heads_[source].readable_end; }
  // The records before this one that could not be read, each once.
  std::vector<RecordFailure> failures_before(size_t source, Offset next);
  // What retention took away from under it since the last call.
  std::vector<LostRecords> take_lost(size_t source) {
    return std::exchange(heads_[source].lost, {});
  }
  struct Place {
    size_t source = 0;
    Offset offset;
  };
  const Place& failed_at() const { return failed_at_; }

  uint64_t decoded_rows() const { return decoded_rows_; }  // so far

 private:
  struct Head {
    HeadSource source;
    std::unique_ptr<SharedRecords::Reader> shared;            // where it takes part in that
    std::shared_ptr<Batch> rows = std::make_shared<Batch>();  // shared with the runs of one take()
    MergeTimes merge;                                         // of the rows
    uint32_t row = 0;
    bool is_owned = true, is_asked_for = false;
    // Of the rows, when they are its own; counted when somebody asks, which queries that are kept do not.
    mutable std::optional<size_t> owned_bytes = {};
    RecordCursor cursor;
    Offset decoded, taken;
    std::optional<size_t> writer;  // in upstream_
    std::optional<size_t> topic;   // in awaited_
    // At the moment that was noted: what was decoded, what could be read.
    Offset noted_decoded{0}, noted_end{0};
    Offset end;  // of what may be taken: readable_end, or where to stop
    Offset readable_end;
    size_t refill_rows;
    std::deque<RecordFailure> failures;
    std::vector<LostRecords> lost;

    bool has_row() const { return row < rows->rows; }
    bool has_undecoded() const { return decoded < end; }
    bool was_decoded() const { return Offset(rows->offsets[row]) < noted_decoded; }
    bool has_stopped() const { return source.stop_at && decoded >= *source.stop_at; }
    bool is_empty() const { return !has_row() && !has_undecoded(); }
    bool is_table() const { return source.input->step().kind == SourceKind::Table; }
    int64_t order_time() const {
      return merge.order_times.empty() ? rows->timestamps[row] : merge.order_times[row];
    }
    bool goes_before(const Head& other) const;
  };
  struct Order;
  // Up to where records may be taken: by time, then as heads of one time follow each other.
  struct Bound {
    int64_t time = INT64_MAX;
    size_t head = SIZE_MAX;
    auto operator<=>(const Bound&) const = default;
  };
  struct Bounds {
    Bound noted, now;  // for records that were there at the moment that was noted, and for others
  };

  void see(std::span<const Polled> polled);
  Status refill(size_t source, const Polled& polled, size_t max_rows);
  Result<std::vector<Run>> take_one(const Polled& polled, size_t max_rows);
  Result<std::vector<Run>> take_in_order(std::span<const Polled> polled, size_t max_rows);
  Status see_writers(std::span<const Polled> polled);
  void note_moment();
  Bounds bounds_of_empty_lanes() const;
  bool was_there(const Head& head) const;
  // The empty partitions of topics that queries write, as records of the other kind see them.
  enum class Owed : uint8_t {
    Nothing,    // none that is empty has a writer
    NoMore,     // the writers have passed the noted moment
    Seen,       // likewise, after the snapshot was taken
    StillOwed,  // at least one writer is behind
  };
  Owed owed_by_topics(SourceKind kind);
  Owed owed_to(const Head& head) const {
    if (head.source.input->step().is_read_first) return Owed::Nothing;
    return head.is_table() ? owed_by_streams_ : owed_by_tables_;
  }
  void look_at_topics();
  bool is_within(size_t source, const Bound& bound) const;
  std::vector<Run> runs_of(const Order& order) const;

  std::vector<Head> heads_;
  std::optional<UpstreamProgress> upstream_;  // where lanes are merged
  AwaitedTopics awaited_;
  Owed owed_by_tables_ = Owed::Nothing, owed_by_streams_ = Owed::Nothing;
  std::string awaited_query_;
  bool is_held_up_ = false;
  std::string waits_for_;
  const HeadLimits limits_;
  Place failed_at_;
  uint64_t decoded_rows_ = 0;
  size_t unpack_bytes_left_ = 0;  // of this take()
};

}  // namespace engine
