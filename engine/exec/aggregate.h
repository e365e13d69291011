// GROUP BY: the state of each group, by key and window, and the row that it becomes.
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

// Input: the grouping columns, then the aggregates' arguments; keys are never null
// (RegroupOperator). Output: the grouping columns, one column a call, and the window's bounds if
// there are windows; one row for each change of a group, in the order of the records.
//
// A batch is taken in blocks of changes, and each block in two passes. The first walks the records in
// their order: it moves stream time, decides which windows a record still counts in, and lists the
// changes. The second takes one aggregate after the other and walks that list. Since aggregates do
// not see each other, both give what one record at a time would give.
//
// Invariants: between blocks the store holds exactly what was pushed; a record that is done in part
// (some of its windows, some of the windows that it closed) is the first of the rest, and the scalars
// say how much of it is done.
class AggregateOperator final : public Operator, public Materialized {
 public:
  // `key_schema`: the grouping columns, with the role Key.
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

  // The input is an exchange, whose batches carry the keys as this operator would write them.
  void take_carried_keys() { takes_carried_keys_ = true; }
  // Of several changes of a group in one block only the last result is to be seen.
  void merge_updates() { merges_updates_ = store_.has_heap() && !step_.old_too; }

  AggregateStore& store() { return store_; }
  // These groups as a batch in this operator's output layout, followed by a ROWTIME column.
  Result<Batch> rows_of(std::span<const GroupSlot* const> groups) const;
  // Windows that have fallen out of the retention but are not yet removed must not be shown.
  int64_t oldest_kept_start(int64_t stream_time) const;
  // Whether the group is a row of the table at this stream time: it was written, or, where only final results
  // are, its window has closed.
  bool is_shown(const GroupSlot& group, int64_t stream_time) const;

  Materialized* materialized() override { return this; }
  Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) override;
  TableScan begin_scan() override;
  Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) override;

 private:
  static constexpr size_t kForgottenAtOnce = 4096, kGatheredAtOnce = 4096, kStartsAtOnce = 512;
  static constexpr size_t kAskedAtOnce = 64;  // starts of windows, of one key
  // Of changes that are made at once, where groups may be large; and of what these make a commit larger by.
  static constexpr size_t kFewestRows = 16, kMostLargeRows = 128;
  static constexpr size_t kMostBlockBytes = size_t{1} << 20;

  struct Change {
    GroupSlot* group;
    uint32_t row;
    bool undo, emit;
  };
  // What is left of a batch.
  struct Rest {
    Batch batch;
    EncodedRows keys;
    uint32_t row = 0;              // the first that is not done
    uint32_t prefetched = 0;       // the groups of the rows before it are at hand
    bool row_is_begun = false;     // it has moved stream time
    size_t row_bytes = 0;          // that it adds to a group, where groups may be large
    int64_t next_start = 0;        // of that row's windows, from the earliest on: what comes next
    uint64_t late = 0, ahead = 0;  // records that are not reported yet, and the first of each
    uint32_t first_late = 0, first_ahead = 0;
    uint64_t lost = 0;  // changes of groups that are too large, likewise
    uint32_t first_lost = 0;
  };
  // Windows that stream time has closed and whose final results are being written: those that begin
  // in [from, to), by start, then key. `done` groups of those that begin at `from` are written.
  struct Closing {
    int64_t from = 0, to = 0, done = 0;
    int64_t to_skip = 0;  // of those that begin at `from`: written before a restart
    std::unique_ptr<AggregateStore::InOrder> groups;  // that begin there
  };
  // A record of which some windows were done before the task began anew, and which comes next (never
  // 0, which is the first).
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
  size_t block_bytes_ = 0;  // that the block at hand makes the commit larger by, about
  std::optional<Rest> rest_;
  std::optional<Closing> closing_;
  std::optional<Place> restored_;
};

}  // namespace engine
