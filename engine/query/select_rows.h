// Any SELECT over tables as of one moment, and over streams up to their ends: what is done with their rows, step by step. Each step takes all rows of
// its inputs; expressions are bound to the columns of these, one after the other.
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

// The rows of SelectRowsPlan::tables[table], in the columns that its look-up gives.
struct ReadRows {
  size_t table;
};
// All rows of a table of the server's own.
struct ReadSystemTable {
  const SystemTable* table;
};
// Under that number: the keys of an AppendSubquery or of JoinRows, each once, or what the last step of RecursiveRows gave.
struct OuterRows {
  size_t number;
};
// The rows of `first`, then what `step` makes of the rows that came last, which it reads as OuterRows of this number, until
// nothing comes any more. Not `all`: no row twice.
struct RecursiveRows {
  RowsNodePtr first, step;
  size_t number;
  bool all;
};
// One row without columns: of a SELECT without FROM.
struct OneRow {};
// Rows that are written down; expressions of no column.
struct WrittenRows {
  std::vector<std::vector<BoundExpression>> rows;
};
// Of the rows of two queries, whose columns are alike: those of both, those of the left that the right has too, those
// that it has not. Nulls are equal. Not `all`: each once.
struct CombineRows {
  SetOperator op;
  bool all;
  RowsNodePtr left, right;
};
// One column more: what a query says of each row. Of its rows those count whose first columns equal the row's keys, which are
// never null then; without keys all. Scalar: the next column of the only one, of none `otherwise`'s first, or null; more are an
// error. Exists: whether there is one. In: whether the value equals, or as `op` says, the next column of one; null where only
// a null keeps that from being said.
struct AppendSubquery {
  RowsNodePtr input, rows;
  SubqueryKind kind;
  std::vector<BoundExpression> keys;  // over the input's columns, of the types of the rows' first
  std::optional<BoundExpression> value;   // of In, over the input's columns
  bool negated = false;                   // of In
  ComparisonOp op = ComparisonOp::Equal;  // of In
  RowsNodePtr otherwise = nullptr;        // one row of one column; may be null
  bool takes_first = false;  // of Scalar: of several rows the first counts, as for LIMIT 1
  // Where the sub-query is asked with the rows around it: its `rows` read them as OuterRows of this number, and null keys are
  // keys like others.
  std::optional<size_t> outer = {};
};
// Each left row with each right row whose keys are equal, none null, and for which the condition is true; without
// keys, with each for which it is true. Outer joins add rows without a partner, the other side's columns null.
struct JoinRows {
  JoinType type;
  RowsNodePtr left, right;
  std::vector<BoundExpression> left_keys,
      right_keys;                            // pairs of one type; each over its side's columns
  std::optional<BoundExpression> condition;  // over the left's columns, then the right's
  // LATERAL: the right reads the left's keys as OuterRows of this number; nulls are keys like others, and the right's last
  // columns, which are its keys, are not given.
  std::optional<size_t> outer = {};
  // Of LATERAL: one row without keys, for left rows without a partner; may be null.
  RowsNodePtr otherwise = nullptr;
};
// Each row with each element of the arrays, of which the shorter ones are filled up with nulls; a row whose arrays are all empty or null
// gives none.
struct UnnestRows {
  RowsNodePtr input;
  std::vector<BoundExpression> arrays;  // over the input's columns
  bool keeps_all = false;  // a row of which there is no element is there once, with nulls
};
struct FilterRows {
  RowsNodePtr input;
  BoundExpression condition;
};
// Rows by this value, in one of the two directions.
struct RowsOrder {
  BoundExpression value;
  bool is_descending, nulls_first;
};
// An aggregate function of those rows for which the filter is true, in that order; `is_distinct`: of rows with the same
// arguments one.
struct GroupedCall {
  BoundAggregate call;
  std::optional<BoundExpression> filter = {};
  std::vector<RowsOrder> order = {};
  bool is_distinct = false;
};
// The grouping columns, then one column an aggregate; nulls are a group as any other. Without grouping columns
// there is one row, also of no rows.
struct GroupRows {
  RowsNodePtr input;
  std::vector<BoundExpression> keys;
  std::vector<GroupedCall> aggregates;
  // GROUPING SETS: places of keys, one set behind the other; the other keys are null in its rows. None: one, of all.
  std::vector<std::vector<size_t>> sets = {};
  // GROUPING(...): behind the aggregates a column each, with a bit for each of these keys, the first the highest, that is set
  // where the row's set does not have it.
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
  std::optional<BoundExpression> start_offset, end_offset;  // of no column
  FrameExclusion exclusion = FrameExclusion::None;
};
struct WindowCall {
  WindowFunction function;
  std::vector<BoundExpression> arguments;
  AggregateInstance instance;  // of Aggregate
  std::optional<BoundExpression> filter;
  BoundFrame frame;
  SqlType type;
  std::string text;
};
// One column more for each call, which is computed over the rows of the same partition, in their order. Rows come out
// in the order of partitions.
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
// Of rows that are the same in these columns (none: in all), the first.
struct DistinctRows {
  RowsNodePtr input;
  std::vector<size_t> columns = {};
};
struct SortKey {
  size_t column;
  bool is_descending, nulls_first;
};
// Rows that no key tells apart stay in their order. The first `most`, where there is a bound.
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
      0;  // so many of the first columns: the limits are of the rows that are equal in them
};

struct RowsNode {
  std::variant<ReadRows, ReadSystemTable, OuterRows, RecursiveRows, OneRow, WrittenRows,
               CombineRows, AppendSubquery, JoinRows, UnnestRows, FilterRows, GroupRows, WindowRows,
               ComputeColumns, DistinctRows, SortRows, CutRows>
      step;
  Layout layout;           // what it gives
  bool is_shared = false;  // it stands at several places: it is run once
};

template <class Step>
RowsNodePtr make_node(Step step, Layout layout) {
  return std::make_shared<const RowsNode>(RowsNode{std::move(step), std::move(layout)});
}

struct SelectRowsPlan {
  // The part of each table and stream of the query that is read. The tables are read as of one moment, the streams up to
  // their ends before it. A table that the query names twice has two entries.
  std::vector<std::shared_ptr<const PullPlan>> tables;
  // How the rows of the stream in tables[i] are read; null where that is a table.
  std::vector<std::shared_ptr<const StreamRows>> streams;
  std::vector<const SystemTable*> system_tables;  // that it reads, some perhaps twice
  RowsNodePtr root;  // its first columns are the result's; those behind them were only sorted by
  Schema result;
};

// Whether the query wants more than a look-up gives: joins, groups, an order, other queries within. It has no EMIT.
bool wants_rows_plan(const Query& query);
// Whether the first source is a stream: without EMIT that asks for everything that it holds now.
bool asks_stream(const Query& query, const PlanContext& context);
// Whether plan_select_rows() is for it: a query that groups, joins or sorts, over tables and streams, and any SELECT from
// a system table. Under --compat ksqldb none is, because ksqlDB refuses such queries.
bool is_general_select(const Query& query, const PlanContext& context);

// Fails as analyse() does. Parameters are as in plan_pull_query().
Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval);

}  // namespace engine
