// Join of two streams: each record is joined with the records of the other stream that have its key and are near in
// time.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/operator.h"
#include "engine/exec/time_ahead.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"
#include "engine/state/range_store.h"

namespace engine {

// Port 0: the left stream, port 1: the right one. Each side keeps its records. A new record is put into the store of
// its own side and then joined with the records of the other side, in the order of their times, as in Kafka Streams
// (KStreamKStreamJoin). Records without a value give no output. Records without a key match no record (KIP-962).
//
//   left record at t:     right records in [t - before, t + after]
//   right record at t:    left records in [t - after, t + before]
//
// A side keeps a record until the side's own time (the highest time of its records) is later than
// the record by `before + after + grace`. If a record has no match and the join type requires it,
// the record gives a row with nulls. In an eager join it gives this row immediately. Otherwise it
// waits in the pending store until stream time (the highest time of both sides) has passed the
// record's last possible match and the grace period.
//
// Records are numbered in the order in which the task takes them. A record is joined only with
// records that have lower numbers; records with higher numbers are joined with it when they are
// taken. Because of this rule, the join of a record that is finished in part can be continued
// later.
//
// Invariants: between blocks, the stores hold exactly the state whose changes were pushed. If a record
// is finished only in part, it is the first row of `rest_`, and append_scalars() stores how far.
class StreamStreamJoinOperator final : public Operator {
 public:
  // `left` and `right`: layouts of the ports.
  static Result<std::unique_ptr<StreamStreamJoinOperator>> make(TaskContext& context,
                                                                const StreamStreamJoinStep& step,
                                                                const Layout& left,
                                                                const Layout& right);
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

  RangeStore& store_of(size_t port) { return sides_[port].store; }
  RangeStore& pending_store() { return pending_; }

 private:
  static constexpr size_t kForgottenAtOnce = 4'096;
  // A record is joined with the records of the other side one after the other. This is the time and the number of the
  // next one of them.
  struct Next {
    int64_t time = 0, number = 0;
  };
  // The progress of a record that was joined with only some records of the other side so far. `has_met` is set if at
  // least one of them was a match. If none matches until the end, an outer join gives a row with nulls for the record.
  struct Place {
    int64_t port = 0, partition = 0, offset = 0;
    int64_t number = 0;  // number of the record itself
    bool has_met = false;
    Next next = {};
  };
  struct Stream {
    std::vector<int> key;            // key columns, as indexes in the side's layout
    std::vector<int> kept;           // stored columns, as indexes in the layout
    std::vector<SqlType> types;      // types of the columns of the layout
    int64_t back_ms = 0, on_ms = 0;  // matches of a record are at most this far before or after it
    bool is_outer = false;           // records without a match give rows of nulls
    RangeStore store;
    int64_t time = -1;        // greatest time of its records
    int64_t due = INT64_MIN;  // no pending record is due before stream time passes this
  };
  // The unprocessed part of a batch.
  struct Rest {
    Batch batch;
    size_t port = 0;
    EncodedRows keys;
    size_t row = 0;           // first row that is not finished
    std::optional<Place> at;  // place of that row; nullopt until the row has begun
    uint64_t late = 0, ahead = 0;
    size_t first_late = 0, first_ahead = 0;
  };
  // Output rows of one batch: pairs of matching records, and records without a match.
  struct Met {
    std::vector<uint32_t> rows;
    std::vector<std::optional<std::string_view>> others;  // matching rows; nullopt: nulls
    std::vector<int64_t> times;
    size_t bytes = 0;
    RangeStore::Loose loose = {};  // keeps alive those of `others` that were read from disk
  };
  // A pending record that is due, so it gives a row of nulls.
  struct Due {
    size_t port;
    int64_t time;
    std::string suffix, value;
  };

  StreamStreamJoinOperator(TaskContext& context, const StreamStreamJoinStep& step,
                           const Layout& left, const Layout& right);
  Status encode_keys(const Batch& batch, size_t port, EncodedRows& keys) const;
  Status take_block();
  bool must_wait_for_due();
  void begin_row(std::string_view key);
  Status meet(std::string_view key, Met& met);
  Status end_row(std::string_view key, Met& met);
  Status forget_pending(size_t port, int64_t time, std::string_view key, int64_t number);
  Status push_met(const Met& met);
  Status give_due();
  Result<bool> gather_due(size_t port, size_t max_rows, std::vector<Due>& due);
  Status push_due(std::span<const Due> due);
  std::optional<Place> restored_place(size_t port, const Batch& batch, size_t row);
  void expire();
  void report_times();

  int64_t oldest_kept(const Stream& side) const;
  int64_t part_of(int64_t time) const { return time / step_.part_ms; }
  // Returns the last stream time at which a pending record with this time still has to wait.
  int64_t due_after(const Stream& side, int64_t time) const;
  static std::string suffix_of(int64_t time, int64_t number);

  const StreamStreamJoinStep step_;
  std::array<Stream, 2> sides_;
  RangeStore pending_;
  std::unique_ptr<Writer> key_writer_;
  const TimeAhead ahead_;
  StreamTime stream_time_;
  int64_t last_number_ = 0;
  std::optional<Rest> rest_;
  std::vector<Place> restored_;  // records that were finished in part before the restart
};

}  // namespace engine
