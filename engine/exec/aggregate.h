// GROUP BY: the state of each group, by key and window, and the row that it becomes.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/exec/operator.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"
#include "engine/state/aggregate_store.h"

namespace engine {

// Input: the grouping columns, then the aggregates' arguments; keys are never null
// (RegroupOperator). Output: the grouping columns, one column a call, and the window's bounds if
// there are windows; one row for each change of a group, in the order of the records.
//
// A batch is taken in two passes. The first walks the records in their order: it moves stream time,
// decides which windows a record still counts in, and lists the changes. The second takes one
// aggregate after the other and walks that list. Since aggregates do not see each other, both give
// what one record at a time would give.
class AggregateOperator final : public Operator {
 public:
  // `key_schema`: the grouping columns, with the role Key.
  static Result<std::unique_ptr<AggregateOperator>> make(TaskContext& context,
                                                         const AggregateStep& step,
                                                         Schema key_schema);
  Status process(Batch batch, size_t port) override;
  void append_scalars(std::vector<int64_t>& out) const override { out.push_back(stream_time_); }
  void restore_scalars(std::span<const int64_t>& scalars) override;

  AggregateStore& store() { return store_; }
  // These groups as a batch in this operator's output layout, followed by a ROWTIME column.
  Result<Batch> rows_of(std::span<const GroupSlot* const> groups) const;
  // Windows that have fallen out of the retention but are not yet removed must not be shown.
  int64_t oldest_kept_start() const;

 private:
  AggregateOperator(TaskContext& context, const AggregateStep& step, Schema key_schema);
  struct Change {
    GroupSlot* group;
    uint32_t row;
    bool undo, emit;
  };

  Status apply(const Batch& batch, const std::vector<Change>& changes);
  Status emit_closed(int64_t previous_stream_time, const Batch& cause, uint32_t row);
  void list_windows(const Batch& batch, uint32_t row, std::string_view key,
                    std::vector<Change>& changes);
  void expire();
  Status decode_keys(std::span<const GroupSlot* const> groups, std::vector<ColumnPtr>& keys) const;

  const AggregateStep step_;
  const Schema key_schema_;
  AggregateStore store_;
  std::unique_ptr<Writer> key_writer_;
  std::unique_ptr<Reader> key_reader_;
  int64_t stream_time_ = -1;
};

}  // namespace engine
