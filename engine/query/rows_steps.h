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

// Computes the results of a Program for a chunk. Fails if the program fails for one of the rows.
Result<std::vector<ColumnPtr>> compute(const Program& program, const RowsChunk& chunk,
                                       RowsContext& context);
// Returns some rows of a chunk. If they are only a small part of it, their strings are copied, so
// that the memory of the chunk can be freed.
RowsChunk pick(const RowsChunk& chunk, std::span<const uint32_t> rows);
// Returns rows of several chunks, in the order of `rows`.
RowsChunk merge(const RowsChunks& chunks, std::span<const Column::SourceRow> rows);

// Returns whether two texts are at the same place in memory. Several rows that were made from one
// row share its texts, which may be long. This check avoids comparing them byte by byte.
inline bool is_same_place(std::string_view a, std::string_view b) {
  return a.data() == b.data() && a.size() == b.size();
}

// Encodes rows as bytes. Two rows have equal bytes if the SQL operator `=` is true for them; -0.0
// equals 0.0.
class RowKeys {
 public:
  explicit RowKeys(const std::vector<ColumnPtr>& columns);
  bool has_null(size_t row) const;
  // Returns the bytes of the row, which are valid until the next call.
  std::string_view bytes(size_t row);
  // Returns true if the row certainly has the same bytes as the previous row. The check is fast and
  // may miss a repetition, so false does not mean that the bytes differ.
  bool repeats(size_t row) const;

 private:
  std::vector<ColumnPtr> columns_;
  std::vector<const Column*> pointers_;
  bool have_texts_ = false;
  std::string bytes_;
  std::optional<size_t> row_of_bytes_;
};

// Replaces -0.0 by 0.0, and every NaN by the same NaN, also within arrays and rows. After that,
// equal values have equal bytes.
ColumnPtr normalized(const ColumnPtr& column);

// Compares rows by key columns. The first key for which two rows differ decides.
//
// Threads: any. Owner: a step, whose chunks and keys outlive it.
class RowsComparison {
 public:
  // The key columns are consecutive in the chunks and begin at `first_column`. They must be normalized().
  RowsComparison(const RowsChunks& chunks, size_t first_column, std::span<const RowsOrder> keys);
  void add_key(size_t column, bool is_descending, bool nulls_first) {
    keys_.push_back({column, is_descending, nulls_first});
  }
  // Returns a negative number if a precedes b, and 0 if all keys are equal.
  int compare(Column::SourceRow a, Column::SourceRow b) const {
    return compare(a, b, keys_.size());
  }
  int compare(Column::SourceRow a, Column::SourceRow b, size_t keys) const;

 private:
  const RowsChunks& chunks_;
  std::vector<SortKey> keys_;
};

// Joins the rows of both sides. `otherwise` has the rows of step.otherwise. An inner or left join
// may end when it has `wanted` rows.
Result<RowsChunks> join_rows(const JoinRows& step, const RowsChunks& left, const RowsChunks& right,
                             RowsContext& context, const RowsChunks& otherwise = {},
                             size_t wanted = SIZE_MAX);
Result<RowsChunks> unnest_rows(const UnnestRows& step, const Layout& layout,
                               const RowsChunks& input, RowsContext& context);
Result<RowsChunks> group_rows(const GroupRows& step, const RowsChunks& input, RowsContext& context);
Result<RowsChunks> window_rows(const WindowRows& step, const RowsChunks& input,
                               RowsContext& context);
// Returns the first of the rows that are equal in the columns `by`, or in all columns if `by` is empty.
Result<RowsChunks> distinct_rows(RowsChunks input, RowsContext& context,
                                 std::span<const size_t> by = {});
Result<RowsChunks> combine_rows(const CombineRows& step, RowsChunks left, RowsChunks right,
                                RowsContext& context);
// Appends the sub-query's result to `input`. `rows` and `otherwise` are the rows of the step's inputs of these names,
// and `type` is the type of the new column.
Result<RowsChunks> append_subquery(const AppendSubquery& step, const SqlType& type,
                                   RowsChunks input, const RowsChunks& rows,
                                   const RowsChunks& otherwise, RowsContext& context);
Result<RowsChunks> written_rows(const WrittenRows& step, const Layout& layout,
                                RowsContext& context);
Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context);

}  // namespace engine
