// Any SELECT over tables as of one moment: what is done with their rows, step by step. Each step takes all rows of
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
// The keys of the AppendSubquery of that number, each once.
struct OuterRows {
  size_t number;
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
// error. Exists: whether there is one. In: whether the next column of one equals the value; null where only a null
// keeps that from being said.
struct AppendSubquery {
  RowsNodePtr input, rows;
  SubqueryKind kind;
  std::vector<BoundExpression> keys;  // over the input's columns, of the types of the rows' first
  std::optional<BoundExpression> value;  // of In, over the input's columns
  bool negated = false;                  // of In
  RowsNodePtr otherwise = nullptr;       // one row of one column; may be null
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
};
// Each row with each element of the arrays, of which the shorter ones are filled up with nulls; a row whose arrays are all empty or null
// gives none.
struct UnnestRows {
  RowsNodePtr input;
  std::vector<BoundExpression> arrays;  // over the input's columns
};
struct FilterRows {
  RowsNodePtr input;
  BoundExpression condition;
};
// The grouping columns, then one column an aggregate; nulls are a group as any other. Without grouping columns
// there is one row, also of no rows.
struct GroupRows {
  RowsNodePtr input;
  std::vector<BoundExpression> keys;
  std::vector<BoundAggregate> aggregates;
};
struct ComputeColumns {
  RowsNodePtr input;
  std::vector<BoundExpression> columns;
};
// Of rows that are the same in all columns, the first.
struct DistinctRows {
  RowsNodePtr input;
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
};

struct RowsNode {
  std::variant<ReadRows, ReadSystemTable, OuterRows, OneRow, WrittenRows, CombineRows,
               AppendSubquery, JoinRows, UnnestRows, FilterRows, GroupRows, ComputeColumns,
               DistinctRows, SortRows, CutRows>
      step;
  Layout layout;  // what it gives
};

template <class Step>
RowsNodePtr make_node(Step step, Layout layout) {
  return std::make_shared<const RowsNode>(RowsNode{std::move(step), std::move(layout)});
}

struct SelectRowsPlan {
  // What is asked of each table of the query, all as of one moment. A table that the query names twice is here twice.
  std::vector<std::shared_ptr<const PullPlan>> tables;
  std::vector<const SystemTable*> system_tables;  // that it reads, some perhaps twice
  RowsNodePtr root;  // its first columns are the result's; those behind them were only sorted by
  Schema result;
};

// Whether the query wants more than a look-up gives: joins, groups, an order, other queries within. It has no EMIT.
bool wants_rows_plan(const Query& query);
// Whether the first source is a stream: without EMIT that asks for everything that it holds now.
bool asks_stream(const Query& query, const PlanContext& context);
// Whether plan_select_rows() is for it. ksqlDB has no such queries: who wants its ways hears so.
bool is_select_over_tables(const Query& query, const PlanContext& context);

// Fails as analyse() does, and with NotSupported where the query reads a stream. Parameters as in plan_pull_query().
Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval);

}  // namespace engine
