// Two streams joined: each record with those of the other stream that have its key and lie near it in time.
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

// Port 0: the left stream, port 1: the right one. Each side keeps its records; a record that comes is put into its
// own side's store and then meets those of the other, in the order of their times, as in Kafka Streams
// (KStreamKStreamJoin). Records without a value give nothing. Those without a key meet nobody (KIP-962).
//
//   left record at t:     right records in [t - before, t + after]
//   right record at t:    left records in [t - after, t + before]
//
// A side keeps a record until its own time, the greatest of its records, is `before + after + grace` further.
// Whoever has met nobody gives a row with nulls where the join's type says so: at once if the join is eager, else
// when stream time, the greatest of both sides, has passed the last that he could have met, and the grace. Till
// then he is in the pending store.
//
// Each record has a number, in the order in which the task takes them. One meets only those with smaller
// numbers: the others meet him. So it does not matter that a record which is done in part goes on later.
//
// Invariants: between blocks the stores hold exactly what was pushed; a record that is done in part is the first
// of the rest, and the scalars say how much of it is done.
class StreamStreamJoinOperator final : public Operator {
 public:
  // `left` and `right` are the layouts of what comes to the ports.
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
  // Where a record of the other side lies that one meets next: its time and number.
  struct Next {
    int64_t time = 0, number = 0;
  };
  // A record that is done in part: all but the row of nulls that it may give in the end.
  struct Place {
    int64_t port = 0, partition = 0, offset = 0;
    int64_t number = 0;  // its own
    bool has_met = false;
    Next next = {};
  };
  struct Stream {
    std::vector<int> key;            // columns of its layout
    std::vector<int> kept;           // likewise, those that its store keeps
    std::vector<SqlType> types;      // of its layout
    int64_t back_ms = 0, on_ms = 0;  // how far before and after it the other side's records lie
    bool is_outer = false;           // gives rows of nulls
    RangeStore store;
    int64_t time = -1;        // the greatest of its records
    int64_t due = INT64_MIN;  // no pending record of it is due before stream time passes this
  };
  // What is left of a batch.
  struct Rest {
    Batch batch;
    size_t port = 0;
    EncodedRows keys;
    size_t row = 0;           // the first that is not done
    std::optional<Place> at;  // of that row, once it is begun
    uint64_t late = 0, ahead = 0;
    size_t first_late = 0, first_ahead = 0;
  };
  // Rows of one batch that have met somebody, or nobody, and give a row each.
  struct Met {
    std::vector<uint32_t> rows;
    std::vector<std::optional<std::string_view>> others;  // nothing: nulls
    std::vector<int64_t> times;
    size_t bytes = 0;
    RangeStore::Loose loose = {};  // where `others` are that were read out of the backing
  };
  // A record that gives a row of nulls now that it has waited.
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
  // Stream time at which a pending record is not due yet.
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
  std::vector<Place> restored_;  // records that were done in part when the task began anew
};

}  // namespace engine
