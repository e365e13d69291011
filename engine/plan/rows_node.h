// Any SELECT over tables and streams as a tree of steps. Each step takes all rows of its inputs.
// Its expressions are bound to the columns of all inputs, one input after the other. A one-time
// SELECT runs the tree once; a materialized view runs it whenever its inputs have changed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/sql/ast_query.h"
#include "engine/types/batch.h"

namespace engine {

struct RowsNode;
struct SystemTable;
using RowsNodePtr = std::shared_ptr<const RowsNode>;

// Reads the rows that the look-up SelectRowsPlan::tables[table] returns, in the columns of that
// look-up.
struct ReadRows {
  size_t table;
};
// Reads all rows of a system table.
struct ReadSystemTable {
  const SystemTable* table;
};
// Reads rows that another step provides under this number: the distinct keys of an AppendSubquery
// or JoinRows, or the rows of the last round of RecursiveRows.
struct OuterRows {
  size_t number;
};
// Returns the rows of `first`, then those of further rounds, until a round has no rows. Each round
// runs `step`, in which an OuterRows with the same `number` reads the rows of the previous round.
// Without `all`, repeated rows are removed.
struct RecursiveRows {
  RowsNodePtr first, step;
  size_t number;
  bool all;
};
// Returns one row without columns, for a SELECT without FROM.
struct OneRow {};
// Returns no row. The planner inserts it for a part of the plan that can have no rows: see
// without_empty_parts() (engine/query/empty_rows.h).
struct NoRows {};
// Returns the rows of VALUES. The expressions use no columns.
struct WrittenRows {
  std::vector<std::vector<BoundExpression>> rows;
};
// Combines the rows of two queries with equal column types: UNION, INTERSECT or EXCEPT. Nulls are equal. Without
// `all`, repeated rows are removed.
struct CombineRows {
  SetOperator op;
  bool all;
  RowsNodePtr left, right;
};
// Appends one column: for each row, the result of a sub-query. The matches of a row are those rows
// of `rows` whose first columns are equal to the row's keys. A null key has no match. Without keys,
// all rows match. The result depends on the kind:
//   Scalar   the next column of the only match; without a match the first column of `otherwise`, or null.
//            Several matches are an error.
//   Exists   whether a match exists.
//   In       whether the value equals (or compares as `op` with) the next column of a match; null if only a null
//            prevents a decision.
struct AppendSubquery {
  RowsNodePtr input, rows;
  SubqueryKind kind;
  std::vector<BoundExpression> keys;      // over the input's columns; types as in `rows`
  std::optional<BoundExpression> value;   // for In: the value, bound to the input's columns
  bool negated = false;                   // true: NOT IN
  ComparisonOp op = ComparisonOp::Equal;  // for In: the comparison
  RowsNodePtr otherwise = nullptr;        // one row with one column; may be null
  bool takes_first = false;  // Scalar: of several matches, the first is the result, as with LIMIT 1
  // Set if the sub-query was rewritten so that it reads the rows of the outer query: `rows` reads
  // them as OuterRows of this number. A null key then matches a null key.
  std::optional<size_t> outer = {};
};
// Joins each left row with those right rows whose keys are equal and not null, and for which the
// condition is true. Without keys, only the condition decides. Outer joins also return the rows
// without a partner, with nulls for the other side.
struct JoinRows {
  JoinType type;
  RowsNodePtr left, right;
  std::vector<BoundExpression> left_keys,
      right_keys;                            // pairs of equal type, bound to their side's columns
  std::optional<BoundExpression> condition;  // bound to the left, then the right columns
  // Set for LATERAL: the right side reads the keys of the left side as OuterRows of this number. A
  // null key then matches a null key. The last columns of the right side are these keys; they are
  // not in the output.
  std::optional<size_t> outer = {};
  // For LATERAL: the row of the right side, without its keys, for left rows that have no partner;
  // may be null.
  RowsNodePtr otherwise = nullptr;
};
// Repeats each row for each element of its arrays; shorter arrays are filled with nulls. A row whose arrays are all
// empty or null gives no row.
struct UnnestRows {
  RowsNodePtr input;
  std::vector<BoundExpression> arrays;  // bound to the columns of the input
  bool keeps_all = false;               // a row without elements gives one row, with nulls
};
struct FilterRows {
  RowsNodePtr input;
  BoundExpression condition;
};
// Orders rows by this value, ascending or descending.
struct RowsOrder {
  BoundExpression value;
  bool is_descending, nulls_first;
};
// An aggregate function over those rows of a group that pass the filter, in the given order. If the
// call has DISTINCT, rows with equal arguments count once.
struct GroupedCall {
  BoundAggregate call;
  std::optional<BoundExpression> filter = {};
  std::vector<RowsOrder> order = {};
  bool is_distinct = false;
};
// Groups rows. The output has the grouping columns, then one column per aggregate; nulls form a group like other
// values. Without grouping columns the output is exactly one row, even if the input has no rows.
struct GroupRows {
  RowsNodePtr input;
  std::vector<BoundExpression> keys;
  std::vector<GroupedCall> aggregates;
  // For GROUPING SETS: for each set, the indexes of its keys. In the rows of a set, all other keys
  // are null. Empty: one set with all keys.
  std::vector<std::vector<size_t>> sets = {};
  // For GROUPING(...): for each call, the indexes of its keys. Each call gives one column after
  // those of the aggregates. The column has one bit for each key of the call, the highest bit for
  // the first key. A bit is set if the grouping set of the row does not contain the key.
  std::vector<std::vector<size_t>> groupings = {};
};
enum class WindowFunction : uint8_t {
  RowNumber,
  Rank,
  DenseRank,
  PercentRank,
  CumeDist,
  Ntile,
  Lag,
  Lead,
  FirstValue,
  LastValue,
  NthValue,
  Aggregate
};
struct BoundFrame {
  FrameUnit unit = FrameUnit::Range;
  FrameEdge start = FrameEdge::UnboundedPreceding, end = FrameEdge::CurrentRow;
  std::optional<BoundExpression> start_offset, end_offset;  // use no columns
  FrameExclusion exclusion = FrameExclusion::None;
};
struct WindowCall {
  WindowFunction function;
  std::vector<BoundExpression> arguments;
  AggregateInstance instance;  // set for WindowFunction::Aggregate
  std::optional<BoundExpression> filter;
  BoundFrame frame;
  SqlType type;
  std::string text;
};
// Appends one column per call. Each call is computed over the rows of the same partition, in their order. The output
// is sorted by partition.
struct WindowRows {
  RowsNodePtr input;
  std::vector<BoundExpression> partition;
  std::vector<RowsOrder> order;
  std::vector<WindowCall> calls;
};
struct ComputeColumns {
  RowsNodePtr input;
  std::vector<BoundExpression> columns;
};
// Keeps the first of the rows that are equal in these columns; an empty list stands for all columns.
struct DistinctRows {
  RowsNodePtr input;
  std::vector<size_t> columns = {};
};
struct SortKey {
  size_t column;
  bool is_descending, nulls_first;
};
// Sorts rows; the sort is stable. Keeps only the first `most` rows, if set.
struct SortRows {
  RowsNodePtr input;
  std::vector<SortKey> keys;
  std::optional<size_t> most;
};
struct CutRows {
  RowsNodePtr input;
  size_t offset = 0;
  std::optional<size_t> most;
  size_t keys =
      0;  // the limits apply to each group of rows that are equal in this number of first columns
  // Set if a sub-query computes the limits: one row with the columns `most` and `offset`, which are numbers or null.
  // The members with these names are then not set.
  RowsNodePtr counts = nullptr;
};

struct RowsNode {
  std::variant<ReadRows, ReadSystemTable, OuterRows, RecursiveRows, OneRow, NoRows, WrittenRows,
               CombineRows, AppendSubquery, JoinRows, UnnestRows, FilterRows, GroupRows, WindowRows,
               ComputeColumns, DistinctRows, SortRows, CutRows>
      step;
  Layout layout;           // output layout
  bool is_shared = false;  // the node occurs at several places of the plan and is run once
};

template <class Step>
RowsNodePtr make_node(Step step, Layout layout) {
  return std::make_shared<const RowsNode>(RowsNode{std::move(step), std::move(layout)});
}

}  // namespace engine
