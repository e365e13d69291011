// The heads of a task's input partitions. A head is the list of records that are decoded and not
// taken yet. This class determines the order in which the records of all partitions are taken.
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
  Offset begin;                   // first record to take
  std::optional<Offset> stop_at;  // records at or after this offset are not taken
  LaneWriterPtr writer = {};      // set for a lane of a time-ordered exchange
  TopicWritersPtr writers = {};   // set for a topic whose rows are awaited
};

// Consecutive rows for one input of the stage.
struct Run {
  // index of the source of the first row; a run may also have rows of other sources that belong to
  // the same input of the stage
  size_t source = 0;
  Batch batch;
};

// Records of a partition that were deleted before the task read them.
struct LostRecords {
  Offset first_offset, end_offset;
};

struct HeadLimits {
  size_t max_rows = 4096;  // rows taken in one step
  size_t max_bytes = 512 * 1024;
  // Limit for the bytes that one take() decompresses, which is a few milliseconds of work.
  size_t unpack_bytes = size_t{1} << 20;
};

// The heads of all input partitions of a task. Records are taken first from the partitions that the
// plan marks as read first, and then in the order of event time. At equal times, records of tables
// come before records of streams, and then those of the partition that was declared first. If all
// decoded records of a partition have been taken and the partition has more, taking stops, because
// its next record might come before those of the others.
//
// An empty lane of a time-ordered exchange may hold up other rows: those that come after the next
// row that the lane's writer may still send. The other rows no longer wait when the writer has sent
// all rows that it could make at a certain moment. If this moment were always the present, two
// writers that lag behind and always have more rows could hold up all other rows for ever.
// Therefore InputHeads notes a moment. Rows made from records that could be read at this moment do
// not wait for later rows. When all rows that were decoded at the moment have been taken, the next
// moment is noted. Later rows may be taken, too, if nothing holds them up at present; otherwise
// they wait for the next moment.
//
//   lane 0   10 20 | 40        The bar is the noted moment. Row 30 is taken when the writer of lane 2 has sent all that
//   lane 1   30    |           it had at this moment, or reports a later time. Row 40 is taken with the next moment at
//   lane 2   -     |           the latest.
//
// An empty partition of a topic that other queries write (engine/exec/awaited_topics.h) holds up
// records of the other kind, as follows. A record of a stream waits for those rows of the table
// that will be made from records which could be read when the stream's record was seen. A record of
// a table waits in the same way for records of the stream. If the partition is not empty, its next
// record is known and the order of times decides.
//
// If the record that is next in the order of times could not be read at the noted moment, the
// moment is noted again, so that no record overtakes another. This is repeated at most once for
// each partition, because each time one more partition has a record.
//
// Each record is decoded once. If it is not taken, it stays decoded, so partitions with very
// different times cost no more than others.
//
// Threads: the task's. Owner: the task.
class InputHeads {
 public:
  InputHeads(std::vector<HeadSource> sources, HeadLimits limits);

  // From now on, decoding is shared with other tasks that read the same records. `records` must
  // outlive this object.
  void share(SharedRecords& records);

  // From now on, records at or after these ends are not taken; `ends` has one element for each
  // source. No end may be before a position that was already decoded. An empty list removes the
  // limit.
  void limit(std::span<const Offset> ends);

  // Returns the positions to poll. Only heads with few rows left ask for records.
  std::vector<std::pair<PartitionRef, Offset>> positions();
  // Takes the next records from the poll results of positions(). The rows may be views into these
  // results. Fails if the first record to take cannot be decoded, or if its partition cannot be
  // read; failed_at() is the place of that record.
  Result<std::vector<Run>> take(std::span<const Polled> polled, size_t max_rows);
  // Copies the rows that are not taken yet, because the log is about to release their bytes.
  void own();
  // Returns the approximate size of the batches that own() has copied and that still have rows to
  // take.
  size_t owned_bytes() const;
  // Returns whether the last take() left records that wait for the progress of writers. Until a
  // writer has made progress, another take() would not return these records.
  bool is_held_up() const { return is_held_up_; }
  // Returns the id of the query whose output topic is awaited; empty if no record waits for a topic.
  const std::string& awaited_query() const { return awaited_query_; }
  // If the next record of a partition could not be read in the last take(), because its schema is
  // being fetched, returns this reason. Empty if no record waits for a schema.
  const std::string& waits_for() const { return waits_for_; }

  // --- One partition, by its index
  Offset taken(size_t source) const { return heads_[source].taken; }
  bool has_more(size_t source) const;
  // End of the readable records, as of the last poll.
  Offset readable_end(size_t source) const { return heads_[source].readable_end; }
  // Returns the unreadable records before `next`. Each of them is returned once.
  std::vector<RecordFailure> failures_before(size_t source, Offset next);
  // Returns the records that retention has deleted since the last call, before they were read.
  std::vector<LostRecords> take_lost(size_t source) {
    return std::exchange(heads_[source].lost, {});
  }
  struct Place {
    size_t source = 0;
    Offset offset;
  };
  const Place& failed_at() const { return failed_at_; }

  // number of rows that were decoded since the object was made
  uint64_t decoded_rows() const { return decoded_rows_; }

 private:
  struct Head {
    HeadSource source;
    std::unique_ptr<SharedRecords::Reader> shared;            // set if the head shares decoding
    std::shared_ptr<Batch> rows = std::make_shared<Batch>();  // shared with the runs of one take()
    MergeTimes merge;                                         // merge positions of `rows`
    uint32_t row = 0;
    bool is_owned = true, is_asked_for = false;
    // Size of the rows if they are owned copies. It is computed on demand, and persistent queries
    // never need it.
    mutable std::optional<size_t> owned_bytes = {};
    RecordCursor cursor;
    Offset decoded, taken;
    std::optional<size_t> writer;  // index in upstream_
    std::optional<size_t> topic;   // index in awaited_
    // Ends of the decoded and of the readable records of this partition at the noted moment.
    Offset noted_decoded{0}, noted_end{0};
    std::optional<Offset> limit = {};  // explained at InputHeads::limit()
    Offset end;  // end of the records to take: readable_end, the stop offset or the limit
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
  // Records before this bound may be taken. Records are ordered by time; if their times are equal,
  // by the index of the head.
  struct Bound {
    int64_t time = INT64_MAX;
    size_t head = SIZE_MAX;
    auto operator<=>(const Bound&) const = default;
  };
  struct Bounds {
    // `noted`: for records that could be read at the noted moment; `now`: for all other records
    Bound noted, now;
  };

  void see(std::span<const Polled> polled);
  Status refill(size_t source, const Polled& polled, size_t max_rows);
  Result<std::vector<Run>> take_one(const Polled& polled, size_t max_rows);
  Result<std::vector<Run>> take_in_order(std::span<const Polled> polled, size_t max_rows);
  Status see_writers(std::span<const Polled> polled);
  void note_moment();
  Bounds bounds_of_empty_lanes() const;
  bool was_there(const Head& head) const;
  // Whether queries may still write rows to a partition that is empty at present. Only rows made from records before
  // the noted moment (the offsets that note_moment() has stored) count. Records of the other kind (table or stream)
  // wait for these rows.
  enum class Owed : uint8_t {
    Nothing,  // no query writes a topic of an empty partition
    NoMore,   // no: the writers have passed the noted moment
    // no, as for NoMore. But the writers passed the noted moment after the last snapshot was taken, so the snapshot may
    // lack some of these rows
    Seen,
    StillOwed,  // yes: a writer has not passed the noted moment
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
  std::optional<UpstreamProgress> upstream_;  // set if lanes are merged
  AwaitedTopics awaited_;
  Owed owed_by_tables_ = Owed::Nothing, owed_by_streams_ = Owed::Nothing;
  std::string awaited_query_;
  bool is_held_up_ = false;
  std::string waits_for_;
  const HeadLimits limits_;
  Place failed_at_;
  uint64_t decoded_rows_ = 0;
  size_t unpack_bytes_left_ = 0;  // bytes that this take() may still decompress
};

}  // namespace engine
