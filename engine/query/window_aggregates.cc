// Aggregate functions over window frames. If a frame begins at the start of its partition, it only
// grows from row to row, so each row is added once. For all other frames, the states of blocks of
// rows are computed first, and the state of a frame is merged from them. There are blocks of 16
// rows, of 32 rows, and so on.
#include <algorithm>
#include <memory>

#include "engine/exec/group_states.h"
#include "engine/query/rows_steps.h"
#include "engine/query/window_columns.h"
#include "engine/types/column_bytes.h"

namespace engine {

namespace {

class FrameAggregate {
 public:
  FrameAggregate(const WindowCall& call, const CallColumns& columns, const OrderedRows& rows,
                 RowsContext& context)
      : rows_(rows), context_(context), budget_(context), instances_{call.instance} {
    for (size_t i = 0; i < call.arguments.size(); ++i)
      arguments_.push_back(rows.computed[columns.first_argument + i].get());
    if (columns.filter) filter_ = rows.computed[*columns.filter].get();
    state_.emplace(instances_);
    gives_parts_ = call.type.is_nested() || holds_strings(call.type);
  }

  Result<ColumnPtr> column(const WindowCall& call) {
    Frames frames = TRY(Frames::of(call.frame, rows_, context_));
    auto out = std::make_shared<Column>(call.type);
    for (size_t i = 0; i + 1 < rows_.partitions.size(); ++i) {
      const FrameRows partition{rows_.partitions[i], rows_.partitions[i + 1]};
      frames.begin_partition(partition.first, partition.end);
      if (frames.begins_with_partition() && !frames.excludes())
        TRY(grow(partition, frames, *out));
      else
        TRY(put_together(partition, frames, *out));
    }
    TRY(charge_results(*out));
    context_.remove(block_bytes_);
    return ColumnPtr(std::move(out));
  }

 private:
  static constexpr size_t kRowsOfBlock = 16;
  // Number of rows from which a frame uses blocks. Adding the rows of a smaller frame one by one is as fast.
  static constexpr size_t kRowsWorthBlocks = 48;
  static constexpr size_t kBytesOfBlock = 96;  // approximate size, in addition to its state

  const AggregateInstance& instance() const { return instances_.front(); }
  const Accumulator& accumulator() const { return instance().def->accumulator; }

  Status update(GroupStates& state, size_t row) {
    TRY(budget_.step());
    if (filter_ && (filter_->is_null(row) || !filter_->data<uint8_t>()[row])) return {};
    return accumulator().update(instance(), state.at(0), arguments_, row);
  }

  Status grow(FrameRows partition, Frames& frames, Column& out) {
    state_->reset();
    size_t reached = partition.first;
    for (size_t row = partition.first; row < partition.end; ++row) {
      const FrameRows frame = frames.whole(row);
      for (; reached < frame.end; ++reached) TRY(update(*state_, reached));
      TRY(append_result(out));
    }
    return {};
  }

  Status put_together(FrameRows partition, Frames& frames, Column& out) {
    blocks_.clear();
    context_.remove(std::exchange(block_bytes_, 0));
    std::optional<FrameRanges> last;
    for (size_t row = partition.first; row < partition.end; ++row) {
      const FrameRanges ranges = frames.ranges(row, frames.whole(row));
      if (last != ranges) {
        state_->reset();
        for (const FrameRows& range : ranges)
          if (!range.is_empty()) TRY(add(range, partition));
      }
      last = ranges;
      TRY(append_result(out));
    }
    return {};
  }

  Status add(FrameRows range, FrameRows partition) {
    size_t row = range.first;
    if (range.end - range.first < kRowsWorthBlocks) {
      for (; row < range.end; ++row) TRY(update(*state_, row));
      return {};
    }
    if (blocks_.empty()) TRY(make_blocks(partition));
    for (; (row - partition.first) % kRowsOfBlock != 0; ++row) TRY(update(*state_, row));
    while (row + kRowsOfBlock <= range.end) {
      // The loop finds the largest block that begins at this row and ends within the range.
      size_t block = (row - partition.first) / kRowsOfBlock, level = 0, rows = kRowsOfBlock;
      while (level + 1 < blocks_.size() && block % 2 == 0 && row + 2 * rows <= range.end &&
             block / 2 < blocks_[level + 1].size()) {
        ++level;
        block /= 2;
        rows *= 2;
      }
      TRY(budget_.step());
      TRY(state_->merge(*blocks_[level][block]));
      row += rows;
    }
    for (; row < range.end; ++row) TRY(update(*state_, row));
    return {};
  }

  // Computes the states of whole blocks. Each level has half as many blocks as the level below.
  Status make_blocks(FrameRows partition) {
    const size_t count = (partition.end - partition.first) / kRowsOfBlock;
    size_t bytes = 2 * count * (kBytesOfBlock + accumulator().state_size);
    // If a state stores its arguments, their memory is counted once for each level.
    if (accumulator().destroy)
      for (const Column* argument : arguments_)
        bytes += bytes_of(*argument, partition.first, partition.end) * levels_of(count);
    TRY(context_.add(bytes));
    block_bytes_ += bytes;
    std::vector<std::unique_ptr<GroupStates>> level;
    for (size_t block = 0; block < count; ++block) {
      level.push_back(std::make_unique<GroupStates>(instances_));
      const size_t first = partition.first + block * kRowsOfBlock;
      for (size_t row = first; row < first + kRowsOfBlock; ++row) TRY(update(*level.back(), row));
    }
    while (true) {
      blocks_.push_back(std::move(level));
      const auto& below = blocks_.back();
      if (below.size() < 2) return {};
      level.clear();
      for (size_t i = 0; i + 1 < below.size(); i += 2) {
        TRY(budget_.step());
        level.push_back(std::make_unique<GroupStates>(instances_));
        TRY(level.back()->merge(*below[i]));
        TRY(level.back()->merge(*below[i + 1]));
      }
    }
  }
  static size_t levels_of(size_t blocks) {
    size_t levels = 1;
    for (; blocks > 1; blocks /= 2) ++levels;
    return levels;
  }

  // Appends the result of a row. If the result is a list of all previous rows, the size of all
  // results together grows with the square of the number of rows, so their memory is charged while
  // they grow.
  Status append_result(Column& out) {
    TRY(budget_.step());
    accumulator().result(instance(), state_->at(0), out);
    return gives_parts_ || out.size() - charged_rows_ == kRowsOfChunk ? charge_results(out)
                                                                      : Status();
  }
  Status charge_results(const Column& out) {
    const size_t first = std::exchange(charged_rows_, out.size());
    return context_.add(bytes_of(out, first, out.size()));
  }

  const OrderedRows& rows_;
  RowsContext& context_;
  StepBudget budget_;
  const std::vector<AggregateInstance> instances_;  // has exactly one element
  std::vector<const Column*> arguments_;
  const Column* filter_ = nullptr;
  std::optional<GroupStates> state_;
  std::vector<std::vector<std::unique_ptr<GroupStates>>> blocks_;  // blocks of each level
  size_t block_bytes_ = 0, charged_rows_ = 0;
  bool gives_parts_ = false;  // results may be large, so they are returned in parts
};

}  // namespace

Result<ColumnPtr> aggregate_column(const WindowCall& call, const CallColumns& columns,
                                   const OrderedRows& rows, RowsContext& context) {
  return FrameAggregate(call, columns, rows, context).column(call);
}

}  // namespace engine
