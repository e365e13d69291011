// Steps of a SELECT that need all rows of their inputs.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/program.h"
#include "engine/query/rows_run.h"

namespace engine {

// Approximate number of rows in a chunk.
inline constexpr size_t kRowsOfChunk = 4'096;

// Computes the results of a Program for a chunk; fails if it fails for one of the rows.
Result<std::vector<ColumnPtr>> compute(const Program& program, const RowsChunk& chunk,
                                       RowsContext& context);
// Returns some rows of a chunk. If they are few of many, their strings are copied, so that the others can be freed.
RowsChunk pick(const RowsChunk& chunk, std::span<const uint32_t> rows);
// Returns rows of several chunks, in the given order.
RowsChunk merge(const RowsChunks& chunks, std::span<const Column::SourceRow> rows);

// Returns whether two texts are the same memory: rows made from one row share its texts, which may be long.
inline bool is_same_place(std::string_view a, std::string_view b) {
  return a.data() == b.data() && a.size() == b.size();
}

// Encodes rows as bytes that are equal if `=` is true: -0.0 equals 0.0.
class RowKeys {
 public:
  explicit RowKeys(const std::vector<ColumnPtr>& columns);
  bool has_null(size_t row) const;
  // Valid until the next call.
  std::string_view bytes(size_t row);
  // Returns whether the row has the bytes of the previous row; false if a cheap check does not show it.
  bool repeats(size_t row) const;

 private:
  std::vector<ColumnPtr> columns_;
  std::vector<const Column*> pointers_;
  bool have_texts_ = false;
  std::string bytes_;
  std::optional<size_t> row_of_bytes_;
};

// Replaces -0.0 by 0.0 and every NaN by one NaN, in arrays and rows too, so that equal values have equal bytes.
ColumnPtr normalized(const ColumnPtr& column);

// Compares rows by key columns; the first key decides first.
//
// Threads: any. Owner: a step, whose chunks and keys outlive it.
class RowsComparison {
 public:
  // `first_column`: the first of the consecutive key columns in the chunks. Columns must be normalized().
  RowsComparison(const RowsChunks& chunks, size_t first_column, std::span<const RowsOrder> keys);
  void add_key(size_t column, bool is_descending, bool nulls_first) {
    keys_.push_back({column, is_descending, nulls_first});
  }
  // Negative if a precedes b, 0 if all keys are equal.
  int compare(Column::SourceRow a, Column::SourceRow b) const {
    return compare(a, b, keys_.size());
  }
  int compare(Column::SourceRow a, Column::SourceRow b, size_t keys) const;

 private:
  const RowsChunks& chunks_;
  std::vector<SortKey> keys_;
};

// `otherwise`: rows of step.otherwise.
Result<RowsChunks> join_rows(const JoinRows& step, const RowsChunks& left, const RowsChunks& right,
                             RowsContext& context, const RowsChunks& otherwise = {});
Result<RowsChunks> unnest_rows(const UnnestRows& step, const Layout& layout, const RowsChunks& input,
                               RowsContext& context);
Result<RowsChunks> group_rows(const GroupRows& step, const RowsChunks& input, RowsContext& context);
Result<RowsChunks> window_rows(const WindowRows& step, const RowsChunks& input,
                               RowsContext& context);
// Compares these columns; if none are given, all columns.
Result<RowsChunks> distinct_rows(RowsChunks input, RowsContext& context,
                                 std::span<const size_t> by = {});
Result<RowsChunks> combine_rows(const CombineRows& step, RowsChunks left, RowsChunks right,
                                RowsContext& context);
// `rows`, `otherwise`: rows of the step's inputs. `type`: type of the new column.
Result<RowsChunks> append_subquery(const AppendSubquery& step, const SqlType& type,
                                   RowsChunks input, const RowsChunks& rows,
                                   const RowsChunks& otherwise, RowsContext& context);
Result<RowsChunks> written_rows(const WrittenRows& step, const Layout& layout,
                                RowsContext& context);
Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context);

}  // namespace engine
