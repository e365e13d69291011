// Plans whole queries over tables: WITH, set operations, VALUES, and the SELECTs within.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/query/select_names.h"
#include "engine/query/select_rows.h"

namespace engine {

// The plan of a query. Columns behind those of the result exist only for sorting.
struct PlannedRows {
  RowsNodePtr root;
  Schema result;
  std::vector<std::string> sources =
      {};  // for a SELECT: the source of each result column; "" if it is computed
};
// A source of a SELECT: for a query also its rows, for a table null.
struct PlannedSource {
  SelectSource source;
  RowsNodePtr rows;
};

// OFFSET and LIMIT.
struct RowLimits {
  size_t offset = 0;
  std::optional<size_t> limit = {};  // none: all rows, as for LIMIT NULL
  // Returns the number of rows needed; nullopt if it is unbounded.
  std::optional<size_t> most() const {
    return limit && *limit <= SIZE_MAX - offset ? std::optional(*limit + offset) : std::nullopt;
  }
};

// Threads: none. Owner: the planning of one statement.
class RowsPlanning {
 public:
  RowsPlanning(const PlanContext& context, const EvalContext& eval)
      : context_(context), eval_(eval) {}

  const PlanContext& context() const { return context_; }
  const EvalContext& eval() const { return eval_; }

  Result<PlannedRows> plan(const Query& query);
  // Plans a source: a table, or the query that it contains or refers to by a name of WITH.
  Result<PlannedSource> plan_source(const AliasedSource& named);
  // Adds a source for the rows of the outer query of a sub-query, and returns the number of its OuterRows. outer_name()
  // is a name that no other source has.
  size_t add_outer_rows(Schema columns);
  void set_outer_rows(size_t number, Schema columns) { outer_rows_[number] = std::move(columns); }
  static std::string outer_name(size_t number);
  // Returns its index in SelectRowsPlan::tables.
  Result<size_t> add_table(PullPlan table, TextPosition position);
  size_t table_count() const { return tables_.size(); }
  // Removes the tables of an abandoned plan.
  void drop_tables_from(size_t count);
  std::vector<std::shared_ptr<const PullPlan>> take_tables();
  // Names of the views that the query reads, those within views included; each once.
  std::vector<std::string> take_views() { return std::move(views_); }
  std::vector<const SystemTable*> take_system_tables() { return std::move(system_tables_); }

  // Fails if LIMIT or OFFSET is not a number of rows.
  Result<RowLimits> read_limits(const Query& query) const;

 private:
  Result<PlannedRows> plan_body(const Query& query);
  Result<PlannedSource> plan_bracketed(const AliasedSource& named);
  Result<PlannedSource> plan_named(const AliasedSource& named);
  Result<PlannedSource> plan_view(const AliasedSource& named, const View& view);
  Result<PlannedRows> plan_common_table(const CommonTable& table);
  Result<PlannedRows> plan_recursive(const CommonTable& table);
  Result<PlannedRows> combine(const Query& query);
  Result<PlannedRows> write_down(const Query& query);
  Result<std::optional<size_t>> read_count(const Expression* count, std::string_view clause) const;
  // Applies ORDER BY, OFFSET and LIMIT to rows that have only result columns.
  Result<PlannedRows> order_and_cut(const Query& query, PlannedRows rows) const;

  const PlanContext& context_;
  const EvalContext& eval_;
  std::vector<const CommonTable*>
      common_tables_;  // visible tables of WITH; the last one of a name counts
  std::vector<PullPlan> tables_;
  std::vector<const SystemTable*> system_tables_;
  std::vector<std::string> views_;
  std::vector<const View*> open_views_;  // whose SELECT is being planned, outermost first
  std::vector<Schema> outer_rows_;  // by number
  std::deque<CommonTable>
      own_rounds_;  // queries through which tables of WITH RECURSIVE read themselves
  struct SharedRows {
    PlannedRows rows;
    size_t end_of_tables;  // it reads no tables from this index on
  };
  // Visible tables of WITH that are read several times, with their plan once it exists.
  std::map<const CommonTable*, std::optional<SharedRows>> read_often_;
  size_t queries_ = 0, bracketed_ = 0;
};

// A number in GROUP BY or ORDER BY refers to the item at that place.
Result<std::optional<size_t>> ordinal(const Expression& expression, std::string_view clause,
                                      size_t items);
// Returns the key of an ORDER BY item; nulls are placed as in PostgreSQL unless the item states it.
SortKey sort_key(const OrderItem& item, size_t column);

// Adds a step that keeps the columns of its input.
template <class Step>
RowsNodePtr put_on(Step step, RowsNodePtr input) {
  Layout layout = input->layout;
  step.input = std::move(input);
  return make_node(std::move(step), std::move(layout));
}
// Sorts by the keys, if any, and applies the limits.
RowsNodePtr sort_and_cut(RowsNodePtr rows, std::vector<SortKey> keys, const RowLimits& limits);

// Returns the system table that the source refers to; null if none.
const SystemTable* find_system_table(const AliasedSource& named, const PlanContext& context);

// Plans one SELECT without WITH.
Result<PlannedRows> plan_one_select(const Query& query, RowsPlanning& planning);

// Fails if values of the type cannot be ordered, or compared for equality, by the steps, which compare stored bytes.
Status check_ordered(const SqlType& type, TextPosition position);
Status check_distinct(const SqlType& type, TextPosition position);

}  // namespace engine
