// Runs window functions. The rows are sorted once by partition and order; then the column of each call is computed over
// the sorted rows.
#include <algorithm>

#include "engine/query/rows_steps.h"
#include "engine/query/window_columns.h"

namespace engine {

namespace {

class WindowRun {
 public:
  WindowRun(const WindowRows& step, const RowsChunks& input, RowsContext& context)
      : step_(step), input_(input), context_(context), budget_(context) {}

  Result<RowsChunks> run() {
    TRY(compute_all());
    TRY(order_rows());
    TRY(gather());
    std::vector<ColumnPtr> columns;
    for (size_t i = 0; i < step_.calls.size(); ++i)
      columns.push_back(TRY(window_column(step_.calls[i], call_columns_[i], rows_, context_)));
    return append(columns);
  }

 private:
  size_t key_count() const { return step_.partition.size() + step_.order.size(); }

  // Computes the keys of partitions and orders, followed by the arguments and filters of the calls.
  Status compute_all() {
    std::vector<BoundExpression> computed = step_.partition;
    for (const RowsOrder& key : step_.order) computed.push_back(key.value);
    for (const WindowCall& call : step_.calls) {
      call_columns_.push_back({computed.size(), {}});
      computed.insert(computed.end(), call.arguments.begin(), call.arguments.end());
      if (!call.filter) continue;
      call_columns_.back().filter = computed.size();
      computed.push_back(*call.filter);
    }
    const Program program(computed);
    for (const RowsChunk& chunk : input_) {
      RowsChunk made{chunk.rows, TRY(compute(program, chunk, context_))};
      for (size_t i = 0; i < key_count(); ++i) made.columns[i] = normalized(made.columns[i]);
      computed_bytes_ += bytes_of(made);
      TRY(context_.add(computed_, std::move(made)));
      rows_.rows += chunk.rows;
    }
    return {};
  }

  Status order_rows() {
    TRY(context_.add(rows_.rows * (sizeof(Column::SourceRow) + sizeof(uint32_t))));
    order_.reserve(rows_.rows);
    for (uint32_t chunk = 0; chunk < input_.size(); ++chunk)
      for (uint32_t row = 0; row < input_[chunk].rows; ++row) order_.push_back({chunk, row});
    RowsComparison keys(computed_, 0, {});
    for (size_t i = 0; i < step_.partition.size(); ++i) keys.add_key(i, false, false);
    for (size_t i = 0; i < step_.order.size(); ++i)
      keys.add_key(step_.partition.size() + i, step_.order[i].is_descending,
                   step_.order[i].nulls_first);
    TRY(context_.begin());
    if (key_count() > 0)
      std::ranges::sort(order_, [&](Column::SourceRow a, Column::SourceRow b) {
        const int by_keys = keys.compare(a, b);
        if (by_keys != 0) return by_keys < 0;
        return a.source != b.source ? a.source < b.source : a.row < b.row;
      });
    rows_.group_of.reserve(rows_.rows);
    for (size_t row = 0; row < rows_.rows; ++row) {
      TRY(budget_.step());
      const bool begins = row == 0 || keys.compare(order_[row - 1], order_[row]) != 0;
      const bool begins_partition =
          row == 0 || keys.compare(order_[row - 1], order_[row], step_.partition.size()) != 0;
      if (begins) rows_.groups.push_back(row);
      if (begins_partition) rows_.partitions.push_back(row);
      rows_.group_of.push_back(static_cast<uint32_t>(rows_.groups.size() - 1));
    }
    rows_.groups.push_back(rows_.rows);
    rows_.partitions.push_back(rows_.rows);
    return {};
  }

  // Merges the computed chunks into one chunk, in the sorted order.
  Status gather() {
    if (computed_.empty()) return {};
    TRY(context_.add(computed_bytes_));
    rows_.computed = merge(computed_, order_).columns;
    computed_.clear();
    context_.remove(computed_bytes_);
    if (step_.order.size() == 1) {
      rows_.order = &step_.order.front();
      rows_.order_column = rows_.computed[step_.partition.size()];
    }
    return {};
  }

  Result<RowsChunks> append(const std::vector<ColumnPtr>& columns) {
    RowsChunks out;
    for (size_t first = 0; first < rows_.rows; first += kRowsOfChunk) {
      TRY(context_.begin());
      const size_t count = std::min(kRowsOfChunk, rows_.rows - first);
      RowsChunk chunk = merge(input_, std::span(order_).subspan(first, count));
      std::vector<uint32_t> rows(count);
      for (size_t i = 0; i < count; ++i) rows[i] = static_cast<uint32_t>(first + i);
      for (const ColumnPtr& column : columns)
        chunk.columns.push_back(std::make_shared<const Column>(column->gather(rows)));
      TRY(context_.add(out, std::move(chunk)));
    }
    context_.remove(computed_bytes_ + rows_.rows * (sizeof(Column::SourceRow) + sizeof(uint32_t)));
    return out;
  }

  const WindowRows& step_;
  const RowsChunks& input_;
  RowsContext& context_;
  StepBudget budget_;
  RowsChunks computed_;
  size_t computed_bytes_ = 0;
  std::vector<CallColumns> call_columns_;
  std::vector<Column::SourceRow> order_;
  OrderedRows rows_;
};

}  // namespace

Result<RowsChunks> window_rows(const WindowRows& step, const RowsChunks& input,
                               RowsContext& context) {
  size_t rows = 0;
  for (const RowsChunk& chunk : input) rows += chunk.rows;
  if (rows == 0) return RowsChunks();
  if (rows > UINT32_MAX)
    return Error{ErrorCode::LimitExceeded, "window functions accept at most 4294967295 rows"};
  return WindowRun(step, input, context).run();
}

}  // namespace engine
