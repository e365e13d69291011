// The steps of a SELECT that have to see all rows of their inputs.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/program.h"
#include "engine/query/rows_run.h"

namespace engine {

// About as many rows are made at a time.
inline constexpr size_t kRowsOfChunk = 4'096;

// What a Program gives for a chunk; fails when it fails for one of the rows.
Result<std::vector<ColumnPtr>> compute(const Program& program, const RowsChunk& chunk,
                                       RowsContext& context);
// Some rows of a chunk. Few of many get strings of their own, so that the others' can go.
RowsChunk pick(const RowsChunk& chunk, std::span<const uint32_t> rows);
// Rows of several chunks, in that order.
RowsChunk merge(const RowsChunks& chunks, std::span<const Column::SourceRow> rows);

// Whether two texts are one: rows that are made of one share its texts, which may be long.
inline bool is_same_place(std::string_view a, std::string_view b) {
  return a.data() == b.data() && a.size() == b.size();
}

// Rows as bytes that are equal where `=` says so: -0.0 is 0.0.
class RowKeys {
 public:
  explicit RowKeys(const std::vector<ColumnPtr>& columns);
  bool has_null(size_t row) const;
  // Until the next call.
  std::string_view bytes(size_t row);
  // Whether it has the bytes of the row before it, as far as that is seen at a glance.
  bool repeats(size_t row) const;

 private:
  std::vector<ColumnPtr> columns_;
  std::vector<const Column*> pointers_;
  bool have_texts_ = false;
  std::string bytes_;
  std::optional<size_t> row_of_bytes_;
};

// -0.0 is 0.0, and every NaN the same, in arrays and rows, too: so that their bytes are those of values that are equal.
ColumnPtr normalized(const ColumnPtr& column);

// Rows that stand in columns by their order, the first key deciding first.
//
// Threads: any. Owner: a step, whose chunks and keys outlive it.
class RowsComparison {
 public:
  // `first_column`: of the chunks, where the keys stand one behind the other. Columns are normalized() already.
  RowsComparison(const RowsChunks& chunks, size_t first_column, std::span<const RowsOrder> keys);
  void add_key(size_t column, bool is_descending, bool nulls_first) {
    keys_.push_back({column, is_descending, nulls_first});
  }
  // Negative when a comes first, 0 where no key tells them apart.
  int compare(Column::SourceRow a, Column::SourceRow b) const {
    return compare(a, b, keys_.size());
  }
  int compare(Column::SourceRow a, Column::SourceRow b, size_t keys) const;

 private:
  const RowsChunks& chunks_;
  std::vector<SortKey> keys_;
};

// `otherwise`: of the step's.
Result<RowsChunks> join_rows(const JoinRows& step, const RowsChunks& left, const RowsChunks& right,
                             RowsContext& context, const RowsChunks& otherwise = {});
Result<RowsChunks> unnest_rows(const UnnestRows& step, const Layout& layout, const RowsChunks& input,
                               RowsContext& context);
Result<RowsChunks> group_rows(const GroupRows& step, const RowsChunks& input, RowsContext& context);
Result<RowsChunks> window_rows(const WindowRows& step, const RowsChunks& input,
                               RowsContext& context);
// By these columns; none: by all.
Result<RowsChunks> distinct_rows(RowsChunks input, RowsContext& context,
                                 std::span<const size_t> by = {});
Result<RowsChunks> combine_rows(const CombineRows& step, RowsChunks left, RowsChunks right,
                                RowsContext& context);
// `rows`, `otherwise`: of the step's. `type`: of the column that comes.
Result<RowsChunks> append_subquery(const AppendSubquery& step, const SqlType& type,
                                   RowsChunks input, const RowsChunks& rows,
                                   const RowsChunks& otherwise, RowsContext& context);
Result<RowsChunks> written_rows(const WrittenRows& step, const Layout& layout,
                                RowsContext& context);
Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context);

}  // namespace engine
