// GROUP BY over session windows: records of a key that follow each other within the gap form one group.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/exec/group_states.h"
#include "engine/exec/operator.h"
#include "engine/exec/time_ahead.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"
#include "engine/state/range_store.h"

namespace engine {

// Input and output are those of AggregateOperator. A session is [start, end], where both are times
// of its records. A new record and all sessions of its key whose distance is at most the gap become
// one session. As in Kafka Streams (KStreamSessionWindowAggregate), each of these sessions is
// deleted first. This also applies to a single session that only grows, because the end of a
// session is part of its key.
//
//   gap 5:   [0 .. 4]      [12]       a record at 8 deletes both and gives [0 .. 12]
//
// A record is late and is not counted if the session that it would form ends more than gap + grace
// before stream time.
//
// The store is divided into parts, each for a span of time. It keeps a session in the part that
// contains its end, in the group of its key, ordered by end and start. If only final results are
// written, an additional group lists the sessions that are not written yet, ordered by their ends.
//
// Invariant: between blocks the store holds exactly the state that was pushed.
class SessionAggregateOperator final : public Operator, public Materialized {
 public:
  // `key_schema`: the grouping columns, with the role Key.
  static Result<std::unique_ptr<SessionAggregateOperator>> make(TaskContext& context,
                                                                const AggregateStep& step,
                                                                Schema key_schema);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.has_value(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  bool holds_commits_back() const override { return true; }
  bool tidy() override;
  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;
  const StreamTime* stream_time() const override { return &stream_time_; }

  RangeStore& store() { return store_; }

  Materialized* materialized() override { return this; }
  Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) override;
  // Scans of this table are not supported; look-ups must name their keys.
  TableScan begin_scan() override;
  Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) override;

 private:
  static constexpr size_t kForgottenAtOnce = 4'096;
  struct Session {
    int64_t start = 0, end = 0;
    std::string value;  // encoded states
  };
  struct Rest {
    Batch batch;
    EncodedRows keys;
    size_t row = 0;         // first unfinished row
    size_t prefetched = 0;  // the sessions of all rows before this row are fetched
    uint64_t late = 0, ahead = 0, lost = 0;
    size_t first_late = 0, first_ahead = 0, first_lost = 0;
  };
  // Collects the output rows that one block of records causes: the deletes of sessions that were extended or merged,
  // and the new sessions.
  class Changes;

  SessionAggregateOperator(TaskContext& context, const AggregateStep& step, Schema key_schema);
  Status take_block();
  bool must_close();
  void prefetch_sessions();
  Status take_row(Changes& changes);
  Result<std::vector<Session>> sessions_near(std::string_view group, int64_t time,
                                             int64_t from_end);
  Status put(std::string_view group, int64_t start, int64_t end);
  Status forget(std::string_view group, const Session& session);
  Status close_some();
  Result<Batch> rows_of(const std::vector<std::pair<std::string, Session>>& sessions);
  Status read_keys(const std::vector<std::pair<std::string, Session>>& sessions,
                   std::vector<ColumnPtr>& columns) const;
  void report_times();

  int64_t gap_ms() const { return step_.window->size_ms; }
  int64_t part_of(int64_t time) const { return time / step_.window->part_ms; }
  // Sessions that end before open_from() are closed; sessions that end before kept_from() are no longer kept.
  int64_t open_from(int64_t stream_time) const;
  int64_t kept_from(int64_t stream_time) const;
  int64_t open_from() const { return open_from(stream_time_.timestamp); }
  int64_t kept_from() const { return kept_from(stream_time_.timestamp); }

  const AggregateStep step_;
  const Schema key_schema_;
  std::vector<AggregateInstance> instances_;
  GroupStates states_, others_;
  RangeStore store_;
  std::unique_ptr<Writer> key_writer_;
  std::unique_ptr<Reader> key_reader_;
  const TimeAhead ahead_;
  StreamTime stream_time_;
  // For EMIT FINAL: no unwritten session ends before this time.
  int64_t first_end_ = INT64_MIN;
  std::optional<Rest> rest_;
  std::string scratch_;
};

}  // namespace engine
