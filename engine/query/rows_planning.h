// Plans whole queries over tables: WITH, set operations, VALUES, and the SELECTs in them.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/plan/stage_builder.h"
#include "engine/query/select_names.h"
#include "engine/query/select_rows.h"

namespace engine {

// A SELECT as a tree of steps; `root` is the last step, whose rows are the result. It may have more columns than the
// result: ORDER BY may need columns that are not selected. They follow the columns of the result.
struct PlannedRows {
  RowsNodePtr root;
  Schema result;
  std::vector<std::string> sources =
      {};  // for a SELECT: source of each result column, "" if it is computed
};
// A source of a SELECT. `rows` is the plan of a source that is a query, and null for a table.
struct PlannedSource {
  SelectSource source;
  RowsNodePtr rows;
};

// The values of OFFSET and LIMIT.
struct RowLimits {
  size_t offset = 0;
  std::optional<size_t> limit = {};  // nullopt: all rows, as with LIMIT NULL
  // Returns the number of rows that are needed, OFFSET included; nullopt if it is unbounded.
  std::optional<size_t> most() const {
    return limit && *limit <= SIZE_MAX - offset ? std::optional(*limit + offset) : std::nullopt;
  }
};

// Plans the queries of one statement, and collects the tables and views that they read.
//
// Not thread-safe: one thread plans a statement, and the planning owns the object.
class RowsPlanning {
 public:
  RowsPlanning(const PlanContext& context, const EvalContext& eval)
      : context_(context), eval_(eval) {}

  const PlanContext& context() const { return context_; }
  const EvalContext& eval() const { return eval_; }

  Result<PlannedRows> plan(const Query& query);
  // Plans a source: a table, a query in FROM, or the query that WITH defines under this name.
  Result<PlannedSource> plan_source(const AliasedSource& named);
  // A sub-query that was rewritten may read the rows of its outer query like a source. This
  // function adds such a source, and returns the number of its OuterRows. outer_name() is a name
  // for it that no other source has.
  size_t add_outer_rows(Schema columns);
  void set_outer_rows(size_t number, Schema columns) { outer_rows_[number] = std::move(columns); }
  static std::string outer_name(size_t number);
  // Adds the look-up of a table. Returns its index in SelectRowsPlan::tables.
  Result<size_t> add_table(PullPlan table, TextPosition position);
  size_t table_count() const { return tables_.size(); }
  // Removes the tables with an index of at least `count`. They were added by a plan that has been
  // given up.
  void drop_tables_from(size_t count);
  std::vector<std::shared_ptr<const PullPlan>> take_tables();
  // Returns the names of the views that the query reads directly or through other views, each once.
  std::vector<std::string> take_views() { return std::move(views_); }
  std::vector<const SystemTable*> take_system_tables() { return std::move(system_tables_); }

  // Called for each aggregate of the query. COUNT(*) and COUNT(1) count the rows of SELECT *, so
  // they need all columns.
  void note_aggregate(const FunctionCall& call, const BoundAggregate& bound);
  // Returns which columns of streams the aggregates of note_aggregate() need.
  DecodedColumns decoded_columns() const { return decoded_columns_; }

  // Evaluates LIMIT and OFFSET. Fails if one of them is not a number of rows.
  Result<RowLimits> read_limits(const Query& query) const;

 private:
  Result<PlannedRows> plan_body(const Query& query);
  Result<RowsNodePtr> plan_counts(const Query& query);
  // Plans a query whose LIMIT or OFFSET has a sub-query.
  Result<PlannedRows> cut_by_subqueries(const Query& query);
  Result<PlannedSource> plan_bracketed(const AliasedSource& named);
  Result<PlannedSource> plan_named(const AliasedSource& named);
  Result<PlannedSource> plan_view(const AliasedSource& named, const View& view);
  Result<PlannedRows> plan_common_table(const CommonTable& table);
  Result<PlannedRows> plan_recursive(const CommonTable& table);
  Result<PlannedRows> combine(const Query& query);
  Result<PlannedRows> write_down(const Query& query);
  Result<std::optional<size_t>> read_count(const Expression* count, std::string_view clause) const;
  // A parameter that stands alone in LIMIT or OFFSET is a BIGINT if the client does not give its type.
  void set_count_type(const Expression& count) const;
  // Applies ORDER BY, OFFSET and LIMIT to rows that have only result columns.
  Result<PlannedRows> order_and_cut(const Query& query, PlannedRows rows) const;

  const PlanContext& context_;
  const EvalContext& eval_;
  std::vector<const CommonTable*>
      common_tables_;  // visible tables of WITH; of several with one name, the last one counts
  std::vector<PullPlan> tables_;
  DecodedColumns decoded_columns_ = DecodedColumns::Used;
  std::vector<const SystemTable*> system_tables_;
  std::vector<std::string> views_;
  std::vector<const View*> open_views_;  // views whose SELECT is being planned, outermost first
  std::vector<Schema> outer_rows_;       // columns of the outer rows, by number
  std::deque<CommonTable>
      // For each table of WITH RECURSIVE: the rows of the previous round, which the table's own query reads.
      own_rounds_;
  struct SharedRows {
    PlannedRows rows;
    size_t end_of_tables;  // the plan reads no tables from this index on
  };
  // The tables of WITH that are read several times. A plan is set when the first of the readers has
  // been planned.
  std::map<const CommonTable*, std::optional<SharedRows>> read_often_;
  size_t queries_ = 0, bracketed_ = 0;
};

// Returns the index of a SELECT item if the expression is a number in GROUP BY or ORDER BY, which
// refers to the item at that place. Returns nullopt for other expressions. Fails with
// InvalidColumnReference if no item is at that place.
Result<std::optional<size_t>> ordinal(const Expression& expression, std::string_view clause,
                                      size_t items);
// Returns the sort key for an ORDER BY item. Nulls are placed as in PostgreSQL unless the item states their place.
SortKey sort_key(const OrderItem& item, size_t column);

// Makes a step whose input is `input` and whose output has the same columns.
template <class Step>
RowsNodePtr put_on(Step step, RowsNodePtr input) {
  Layout layout = input->layout;
  step.input = std::move(input);
  return make_node(std::move(step), std::move(layout));
}
// Sorts the rows if keys are given, and applies the limits.
RowsNodePtr sort_and_cut(RowsNodePtr rows, std::vector<SortKey> keys, const RowLimits& limits);

// Returns the system table that the source refers to; null if it refers to another source.
const SystemTable* find_system_table(const AliasedSource& named, const PlanContext& context);

// Returns whether the expression contains a sub-query; false for null.
bool has_subquery(const Expression* expression);

// Plans one SELECT without WITH.
Result<PlannedRows> plan_one_select(const Query& query, RowsPlanning& planning);

// Sorting and grouping compare the stored bytes of values. check_ordered() fails if the order of
// values of the type is not that of their bytes; check_distinct() fails if equal values of the type
// can have different bytes.
Status check_ordered(const SqlType& type, TextPosition position);
Status check_distinct(const SqlType& type, TextPosition position);

}  // namespace engine
