#include "engine/query/window_columns.h"

#include <algorithm>

namespace engine {

namespace {

// Collects the sources of a column's values: rows of the argument, defaults, or null.
class WindowPlaces {
 public:
  explicit WindowPlaces(size_t rows) { places_.reserve(rows); }
  void take(size_t row) { places_.push_back({0, static_cast<uint32_t>(row)}); }
  void take_default(size_t row) { places_.push_back({2, static_cast<uint32_t>(row)}); }
  void take_null() { places_.push_back({1, 0}); }
  Result<ColumnPtr> column(const SqlType& type, const Column& values, const Column* defaults,
                           RowsContext& context) const {
    const ColumnPtr none = constant_column(type, Value(), 1);
    const Column* const sources[] = {&values, none.get(), defaults ? defaults : none.get()};
    auto column = std::make_shared<const Column>(Column::merge(sources, places_));
    TRY(context.add(bytes_of({column->size(), {column}})));
    return ColumnPtr(std::move(column));
  }

 private:
  std::vector<Column::SourceRow> places_;
};

class RowFunction {
 public:
  RowFunction(const WindowCall& call, const CallColumns& columns, const OrderedRows& rows,
              RowsContext& context)
      : call_(call), columns_(columns), rows_(rows), context_(context), budget_(context) {}

  Result<ColumnPtr> rank() {
    auto out = std::make_shared<Column>(call_.type);
    out->reserve(rows_.rows);
    for (size_t i = 0; i + 1 < rows_.partitions.size(); ++i)
      TRY(rank_partition({rows_.partitions[i], rows_.partitions[i + 1]}, *out));
    TRY(context_.add(bytes_of({rows_.rows, {out}})));
    return ColumnPtr(std::move(out));
  }

  Result<ColumnPtr> shifted() {
    const Column* offsets = call_.arguments.size() > 1 ? &argument(1) : nullptr;
    const Column* defaults = call_.arguments.size() > 2 ? &argument(2) : nullptr;
    WindowPlaces places(rows_.rows);
    for (size_t i = 0; i + 1 < rows_.partitions.size(); ++i) {
      const auto first = static_cast<Int128>(rows_.partitions[i]);
      const auto end = static_cast<Int128>(rows_.partitions[i + 1]);
      for (Int128 row = first; row < end; ++row) {
        TRY(budget_.step());
        const auto at = static_cast<size_t>(row);
        if (offsets && offsets->is_null(at)) {
          places.take_null();
          continue;
        }
        const Int128 by = offsets ? offsets->data<int64_t>()[at] : 1;
        const Int128 from = call_.function == WindowFunction::Lag ? row - by : row + by;
        if (from >= first && from < end)
          places.take(static_cast<size_t>(from));
        else if (defaults)
          places.take_default(at);
        else
          places.take_null();
      }
    }
    return places.column(call_.type, argument(0), defaults, context_);
  }

  Result<ColumnPtr> of_frame() {
    Frames frames = TRY(Frames::of(call_.frame, rows_, context_));
    WindowPlaces places(rows_.rows);
    for (size_t i = 0; i + 1 < rows_.partitions.size(); ++i) {
      frames.begin_partition(rows_.partitions[i], rows_.partitions[i + 1]);
      for (size_t row = rows_.partitions[i]; row < rows_.partitions[i + 1]; ++row) {
        TRY(budget_.step());
        const auto found = TRY(row_of_frame(row, frames.ranges(row, frames.whole(row))));
        if (found)
          places.take(*found);
        else
          places.take_null();
      }
    }
    return places.column(call_.type, argument(0), nullptr, context_);
  }

 private:
  const Column& argument(size_t i) const { return *rows_.computed[columns_.first_argument + i]; }

  Status rank_partition(FrameRows partition, Column& out) {
    const auto count = static_cast<double>(partition.end - partition.first);
    const auto buckets = TRY(bucket_count(partition.first));
    for (size_t row = partition.first; row < partition.end; ++row) {
      TRY(budget_.step());
      const size_t before = rows_.group_first(row) - partition.first;
      switch (call_.function) {
        case WindowFunction::RowNumber:
          out.append(static_cast<int64_t>(row - partition.first + 1));
          break;
        case WindowFunction::Rank:
          out.append(static_cast<int64_t>(before + 1));
          break;
        case WindowFunction::DenseRank:
          out.append(int64_t{rows_.group_of[row]} - int64_t{rows_.group_of[partition.first]} + 1);
          break;
        case WindowFunction::PercentRank:
          out.append(count > 1 ? static_cast<double>(before) / (count - 1) : 0.0);
          break;
        case WindowFunction::CumeDist:
          out.append(static_cast<double>(rows_.group_end(row) - partition.first) / count);
          break;
        default:  // the case of Ntile
          if (buckets == 0)
            out.append_null();
          else
            out.append(bucket_of(row - partition.first, partition.end - partition.first, buckets));
      }
    }
    return {};
  }

  // Returns the number of buckets of NTILE, which is the argument in the partition's first row; 0
  // if the argument is null.
  Result<size_t> bucket_count(size_t first_row) {
    if (call_.function != WindowFunction::Ntile || argument(0).is_null(first_row)) return 0;
    const int64_t buckets = argument(0).data<int64_t>()[first_row];
    if (buckets > 0) return static_cast<size_t>(buckets);
    return Error{ErrorCode::InvalidParameter, "argument of ntile must be greater than zero"};
  }
  // Returns the bucket of a row. If the rows cannot be divided evenly, the first buckets have one
  // row more.
  static int32_t bucket_of(size_t row, size_t rows, size_t buckets) {
    const size_t least = rows / buckets, larger = rows % buckets;
    const size_t in_larger = larger * (least + 1);
    if (row < in_larger) return static_cast<int32_t>(row / (least + 1) + 1);
    return static_cast<int32_t>(larger + (row - in_larger) / least + 1);
  }

  Result<std::optional<size_t>> row_of_frame(size_t row, const FrameRanges& ranges) {
    if (call_.function == WindowFunction::LastValue) {
      for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
        if (!range->is_empty()) return std::optional(range->end - 1);
      return std::optional<size_t>();
    }
    size_t left = 0;
    if (call_.function == WindowFunction::NthValue) {
      if (argument(1).is_null(row)) return std::optional<size_t>();
      const int64_t number = argument(1).data<int64_t>()[row];
      if (number <= 0)
        return Error{ErrorCode::InvalidParameter,
                     "argument of nth_value must be greater than zero"};
      left = static_cast<size_t>(number - 1);
    }
    for (const FrameRows& range : ranges) {
      if (range.is_empty()) continue;
      if (left < range.end - range.first) return std::optional(range.first + left);
      left -= range.end - range.first;
    }
    return std::optional<size_t>();
  }

  const WindowCall& call_;
  const CallColumns& columns_;
  const OrderedRows& rows_;
  RowsContext& context_;
  StepBudget budget_;
};

}  // namespace

Result<ColumnPtr> window_column(const WindowCall& call, const CallColumns& columns,
                                const OrderedRows& rows, RowsContext& context) {
  RowFunction function(call, columns, rows, context);
  switch (call.function) {
    case WindowFunction::Lag:
    case WindowFunction::Lead:
      return function.shifted();
    case WindowFunction::FirstValue:
    case WindowFunction::LastValue:
    case WindowFunction::NthValue:
      return function.of_frame();
    case WindowFunction::Aggregate:
      return aggregate_column(call, columns, rows, context);
    default:
      return function.rank();
  }
}

}  // namespace engine
