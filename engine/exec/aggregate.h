// The operator of GROUP BY. Keeps the state of each group, by key and window, and computes the
// groups' result rows.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exec/operator.h"
#include "engine/exec/time_ahead.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"
#include "engine/state/aggregate_store.h"
#include "engine/state/groups_in_order.h"
#include "engine/types/time_math.h"

namespace engine {

// Groups rows and computes their aggregates. Input: the grouping columns, then the arguments of the aggregates; keys
// are never null (RegroupOperator). Output: one row for each change of a group, in the order of the records, with the
// grouping columns, one column per aggregate call, and the window bounds if windows exist.
//
// A batch is processed in blocks of changes, and each block in two passes. The first pass goes
// through the records in order. It moves stream time, finds for each record the windows that are
// still open, and writes the changes to a list. The second pass goes through this list once for
// each aggregate. Aggregates do not depend on each other, so the result is the same as if the
// records were processed one at a time.
//
// Invariants: between blocks the store holds exactly the state whose changes were pushed. If a record
// is finished only in part (some of its windows, or some of the windows that it has closed), it is
// the first row of `rest_`, and append_scalars() stores how far it is finished.
class AggregateOperator final : public Operator, public Materialized {
 public:
  // `key_schema` has the grouping columns, with the role Key.
  static Result<std::unique_ptr<AggregateOperator>> make(TaskContext& context,
                                                         const AggregateStep& step,
                                                         Schema key_schema);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.has_value() || closing_.has_value(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  bool holds_commits_back() const override { return true; }
  bool tidy() override { return store_.forget_some(kForgottenAtOnce); }
  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;
  const StreamTime* stream_time() const override { return step_.window ? &stream_time_ : nullptr; }

  // Makes the operator use the keys that its batches contain instead of encoding them. Called if
  // the input is an exchange whose batches contain the keys in the same encoding.
  void take_carried_keys() { takes_carried_keys_ = true; }
  // If a block contains several results of one group, only the last one is emitted from now on.
  // Applies only if groups may be large (the store has a heap) and the output does not need the old
  // rows.
  void merge_updates() { merges_updates_ = store_.has_heap() && !step_.old_too; }

  AggregateStore& store() { return store_; }
  // Returns the groups as a batch in this operator's output layout, followed by a ROWTIME column.
  Result<Batch> rows_of(std::span<const GroupSlot* const> groups) const;
  // Returns the start of the oldest window within the retention. Older windows may still be in the store, but must
  // not be shown.
  int64_t oldest_kept_start(int64_t stream_time) const;
  // Returns whether the group is a row of the table at this stream time: its window must be within
  // the retention, and a result of the group must have been written (GroupSlot::emitted). If the
  // table has only final results, the group's window must have closed.
  bool is_shown(const GroupSlot& group, int64_t stream_time) const;

  Materialized* materialized() override { return this; }
  Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) override;
  TableScan begin_scan() override;
  Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) override;

 private:
  static constexpr size_t kForgottenAtOnce = 4096, kGatheredAtOnce = 4096, kStartsAtOnce = 512;
  static constexpr size_t kAskedAtOnce = 64;  // window starts looked up for a key in one step
  // Limits of a block if groups may be large: the number of its rows, and the bytes that it adds to the commit.
  static constexpr size_t kFewestRows = 16, kMostLargeRows = 128;
  static constexpr size_t kMostBlockBytes = size_t{1} << 20;

  struct Change {
    GroupSlot* group;
    uint32_t row;
    bool undo, emit;
  };
  // The unprocessed part of a batch.
  struct Rest {
    Batch batch;
    EncodedRows keys;
    uint32_t row = 0;           // first row that is not finished
    uint32_t prefetched = 0;    // the groups of all rows before this row are fetched
    bool row_is_begun = false;  // begin_row() has been called for `row`
    size_t row_bytes = 0;       // bytes that the row adds to a group; set if groups may be large
    int64_t next_start = 0;     // start of the row's next window; the starts of its windows rise
    // `late`: late records that are not reported yet; `ahead`: unreported records whose times are
    // too far ahead of the clock to move stream time. first_late and first_ahead are the first such
    // rows.
    uint64_t late = 0, ahead = 0;
    uint32_t first_late = 0, first_ahead = 0;
    uint64_t lost = 0;  // unreported changes that were lost because their groups are too large
    uint32_t first_lost = 0;
  };
  // Windows that stream time has closed and whose final results are being written: the windows that
  // start in [from, to), ordered by start, then key. In the windows that start at `from`, the first
  // `done` groups are already written.
  struct Closing {
    int64_t from = 0, to = 0, done = 0;
    int64_t to_skip = 0;  // groups at `from` that were written before a restart
    std::unique_ptr<AggregateStore::InOrder> groups;  // groups of the windows that start at `from`
  };
  // A record that was finished in part before the restart, and is read again. `next_start` is the
  // start of the next of its windows. It is never 0, because 0 can only be the start of a record's
  // first window.
  struct Place {
    int64_t partition = 0, offset = 0, next_start = 0;
  };

  AggregateOperator(TaskContext& context, const AggregateStep& step, Schema key_schema);
  WindowTimes window() const;
  Status take_rows();
  void adapt_block(size_t output_bytes);
  static void drop_replaced(std::vector<Change>& changes);
  Result<bool> list_changes(std::vector<Change>& changes);
  void prefetch_groups();
  void weigh_row();
  bool block_is_full(const std::vector<Change>& changes, size_t max_changes) const {
    return changes.size() >= max_changes || block_bytes_ >= kMostBlockBytes;
  }
  Result<GroupSlot*> take_group(std::string_view key, int64_t window_start);
  Status list_change(std::vector<Change>& changes);
  bool begin_row();
  bool take_restored_place();
  void move_stream_time(uint32_t row);
  Status list_windows(size_t max_changes, std::vector<Change>& changes);
  void report_times();
  void report_lost();
  void report_overflows(const Batch& out) const;
  Status apply(const Batch& batch, const std::vector<Change>& changes);
  void begin_closing(int64_t previous_stream_time);
  Status close_some();
  Result<std::vector<const GroupSlot*>> next_closed(size_t max_groups);
  Result<bool> find_starts();
  void expire();
  std::pair<int64_t, int64_t> starts_within(const WindowBounds& bounds) const;
  Result<Batch> rows_in_order(std::vector<const GroupSlot*> groups) const;
  Status decode_keys(std::span<const GroupSlot* const> groups, std::vector<ColumnPtr>& keys) const;

  const AggregateStep step_;
  const Schema key_schema_;
  AggregateStore store_;
  std::unique_ptr<Writer> key_writer_;
  std::unique_ptr<Reader> key_reader_;
  bool takes_carried_keys_ = false, merges_updates_ = false;
  const TimeAhead ahead_;
  StreamTime stream_time_;
  size_t block_rows_;
  size_t block_bytes_ = 0;  // approximate bytes that the current block adds to the commit
  std::optional<Rest> rest_;
  std::optional<Closing> closing_;
  std::optional<Place> restored_;
};

}  // namespace engine
