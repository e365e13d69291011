// Any SELECT over tables as of one moment, and over streams up to their ends, as a tree of steps. Each step takes all
// rows of its inputs; expressions are bound to the consecutive columns of the inputs.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/query/pull.h"
#include "engine/sql/ast_query.h"
#include "engine/types/schema.h"

namespace engine {

struct RowsNode;
struct StreamRows;
struct SystemTable;
using RowsNodePtr = std::shared_ptr<const RowsNode>;

// Rows of SelectRowsPlan::tables[table], in the columns of its look-up.
struct ReadRows {
  size_t table;
};
// All rows of a system table.
struct ReadSystemTable {
  const SystemTable* table;
};
// Rows set under that number: the distinct keys of an AppendSubquery or of JoinRows, or the last rows of RecursiveRows.
struct OuterRows {
  size_t number;
};
// The rows of `first`, then the rows that `step` computes from the rows of the previous round, which it reads as
// OuterRows of this number, until a round has no rows. Without `all`, repeated rows are removed.
struct RecursiveRows {
  RowsNodePtr first, step;
  size_t number;
  bool all;
};
// One row without columns: for a SELECT without FROM.
struct OneRow {};
// VALUES; the expressions have no columns.
struct WrittenRows {
  std::vector<std::vector<BoundExpression>> rows;
};
// Set operation on two queries with equal column types: UNION, INTERSECT or EXCEPT. Nulls are equal. Without `all`,
// repeated rows are removed.
struct CombineRows {
  SetOperator op;
  bool all;
  RowsNodePtr left, right;
};
// Appends one column: the result of a sub-query for each row. Its matching rows are those whose first columns equal the
// row's keys, which are never null then; without keys all rows match. Scalar: the next column of the only match;
// without a match the first column of `otherwise`, or null; several matches are an error. Exists: whether a match
// exists. In: whether the value equals (or compares as `op` with) the next column of a match; null if only a null
// prevents a decision.
struct AppendSubquery {
  RowsNodePtr input, rows;
  SubqueryKind kind;
  std::vector<BoundExpression> keys;  // over the input's columns, with the types of the first columns of `rows`
  std::optional<BoundExpression> value;   // In: over the input's columns
  bool negated = false;                   // In
  ComparisonOp op = ComparisonOp::Equal;  // In
  RowsNodePtr otherwise = nullptr;        // one row with one column; may be null
  bool takes_first = false;  // Scalar: the first of several matches counts, as with LIMIT 1
  // Set if the sub-query was rewritten to read the outer rows: `rows` reads them as OuterRows of this number, and null
  // keys are keys like others.
  std::optional<size_t> outer = {};
};
// Each left row with each right row whose keys are equal and not null, and for which the condition is true; without
// keys, all pairs for which it is true. Outer joins add rows without a partner, with nulls for the other side.
struct JoinRows {
  JoinType type;
  RowsNodePtr left, right;
  std::vector<BoundExpression> left_keys,
      right_keys;                            // pairs of equal type; each over the columns of its side
  std::optional<BoundExpression> condition;  // over the columns of the left side, then of the right
  // LATERAL: the right side reads the left keys as OuterRows of this number; null keys are keys like others, and the
  // last columns of the right side, which are its keys, are not part of the output.
  std::optional<size_t> outer = {};
  // LATERAL: one row without keys, for left rows without a partner; may be null.
  RowsNodePtr otherwise = nullptr;
};
// Each row with each element of the arrays; shorter arrays are filled with nulls. A row whose arrays are all empty or
// null gives no row.
struct UnnestRows {
  RowsNodePtr input;
  std::vector<BoundExpression> arrays;  // over the columns of the input
  bool keeps_all = false;  // a row without elements is kept once, with nulls
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
// An aggregate function over the rows that pass the filter, in that order; `is_distinct`: rows with equal arguments
// count once.
struct GroupedCall {
  BoundAggregate call;
  std::optional<BoundExpression> filter = {};
  std::vector<RowsOrder> order = {};
  bool is_distinct = false;
};
// The grouping columns, then one column per aggregate; nulls form a group like other values. Without grouping columns
// there is one row, even for no rows.
struct GroupRows {
  RowsNodePtr input;
  std::vector<BoundExpression> keys;
  std::vector<GroupedCall> aggregates;
  // GROUPING SETS: positions of keys, one set after the other; the other keys are null in its rows. Empty: one set of
  // all keys.
  std::vector<std::vector<size_t>> sets = {};
  // GROUPING(...): one column each behind the aggregates, with a bit for each of these keys, the first the highest; the
  // bit is set if the row's set does not contain the key.
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
  std::optional<BoundExpression> start_offset, end_offset;  // without columns
  FrameExclusion exclusion = FrameExclusion::None;
};
struct WindowCall {
  WindowFunction function;
  std::vector<BoundExpression> arguments;
  AggregateInstance instance;  // for Aggregate
  std::optional<BoundExpression> filter;
  BoundFrame frame;
  SqlType type;
  std::string text;
};
// Appends one column per call, computed over the rows of the same partition, in their order. The output is in the order
// of the partitions.
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
// The first of the rows that are equal in these columns (empty: in all).
struct DistinctRows {
  RowsNodePtr input;
  std::vector<size_t> columns = {};
};
struct SortKey {
  size_t column;
  bool is_descending, nulls_first;
};
// A stable sort. Keeps the first `most` rows, if set.
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
      0;  // number of leading columns; the limits apply to each group of rows that are equal in them
};

struct RowsNode {
  std::variant<ReadRows, ReadSystemTable, OuterRows, RecursiveRows, OneRow, WrittenRows,
               CombineRows, AppendSubquery, JoinRows, UnnestRows, FilterRows, GroupRows, WindowRows,
               ComputeColumns, DistinctRows, SortRows, CutRows>
      step;
  Layout layout;           // output layout
  bool is_shared = false;  // it occurs at several places and is run once
};

template <class Step>
RowsNodePtr make_node(Step step, Layout layout) {
  return std::make_shared<const RowsNode>(RowsNode{std::move(step), std::move(layout)});
}

struct SelectRowsPlan {
  // The part of each table and stream that the query reads. Tables are read as of one moment, streams up to their ends
  // before it. A table that the query names twice has two entries.
  std::vector<std::shared_ptr<const PullPlan>> tables;
  // The reading plan of the stream in tables[i]; null for a table.
  std::vector<std::shared_ptr<const StreamRows>> streams;
  std::vector<const SystemTable*> system_tables;  // may contain duplicates
  std::vector<std::string> views;                 // names of those that it reads, nested ones included
  RowsNodePtr root;  // its first columns are those of the result; the others exist only for sorting
  Schema result;
};

// Returns whether the query needs more than a look-up: joins, groups, an order, nested queries. It has no EMIT.
bool wants_rows_plan(const Query& query);
// Returns whether the first source is a stream: without EMIT the query reads all records that it holds now.
bool asks_stream(const Query& query, const PlanContext& context);
// Returns whether plan_select_rows() handles the query: one that groups, joins or sorts, over tables and streams, and
// any SELECT from a system table. Under --compat ksqldb it returns false, because ksqlDB refuses such queries.
bool is_general_select(const Query& query, const PlanContext& context);

// Fails as analyse() does. Parameters are as in plan_pull_query().
Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval);

}  // namespace engine
