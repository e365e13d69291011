// Plans whole queries over tables: their WITH, what UNION and its like put together, rows that are written down, and the
// SELECTs within.
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

// What a query gives; behind the result's columns there may be others that were only sorted by.
struct PlannedRows {
  RowsNodePtr root;
  Schema result;
  std::vector<std::string> sources =
      {};  // of a SELECT: whose column each of the result's is; "" where it is none's
};
// What a SELECT reads: of a query its rows, of a table null.
struct PlannedSource {
  SelectSource source;
  RowsNodePtr rows;
};

// OFFSET and LIMIT.
struct RowLimits {
  size_t offset = 0;
  std::optional<size_t> limit = {};  // none: all, as for null
  // How many rows are looked at; nothing where there is no bound.
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
  // The source, or the rows of the query that stands there or has that name in a WITH.
  Result<PlannedSource> plan_source(const AliasedSource& named);
  // A name that no other source has, for the rows around a sub-query: the number of their OuterRows.
  size_t add_outer_rows(Schema columns);
  void set_outer_rows(size_t number, Schema columns) { outer_rows_[number] = std::move(columns); }
  static std::string outer_name(size_t number);
  // Its place among SelectRowsPlan::tables.
  Result<size_t> add_table(PullPlan table, TextPosition position);
  size_t table_count() const { return tables_.size(); }
  // Forgets those of a plan that nobody takes.
  void drop_tables_from(size_t count);
  std::vector<std::shared_ptr<const PullPlan>> take_tables();
  std::vector<const SystemTable*> take_system_tables() { return std::move(system_tables_); }

  // Fails where LIMIT or OFFSET is no number of rows.
  Result<RowLimits> read_limits(const Query& query) const;

 private:
  Result<PlannedRows> plan_body(const Query& query);
  Result<PlannedSource> plan_bracketed(const AliasedSource& named);
  Result<PlannedSource> plan_named(const AliasedSource& named);
  Result<PlannedRows> plan_common_table(const CommonTable& table);
  Result<PlannedRows> plan_recursive(const CommonTable& table);
  Result<PlannedRows> combine(const Query& query);
  Result<PlannedRows> write_down(const Query& query);
  Result<std::optional<size_t>> read_count(const Expression* count, std::string_view clause) const;
  // ORDER BY, OFFSET and LIMIT of rows whose columns are all that there is.
  Result<PlannedRows> order_and_cut(const Query& query, PlannedRows rows) const;

  const PlanContext& context_;
  const EvalContext& eval_;
  std::vector<const CommonTable*>
      common_tables_;  // that can be read here; the last of a name is meant
  std::vector<PullPlan> tables_;
  std::vector<const SystemTable*> system_tables_;
  std::vector<Schema> outer_rows_;  // by number
  std::deque<CommonTable>
      own_rounds_;  // of queries of WITH RECURSIVE: themselves, as they read themselves
  struct SharedRows {
    PlannedRows rows;
    size_t end_of_tables;  // it reads none behind those
  };
  // Of those that can be read here: what has several readers, once it is planned.
  std::map<const CommonTable*, std::optional<SharedRows>> read_often_;
  size_t queries_ = 0, bracketed_ = 0;
};

// A number in GROUP BY or ORDER BY means the item at that place.
Result<std::optional<size_t>> ordinal(const Expression& expression, std::string_view clause,
                                      size_t items);
// ORDER BY's, with PostgreSQL's place for nulls where none is said.
SortKey sort_key(const OrderItem& item, size_t column);

// A step that gives the columns of the one before it.
template <class Step>
RowsNodePtr put_on(Step step, RowsNodePtr input) {
  Layout layout = input->layout;
  step.input = std::move(input);
  return make_node(std::move(step), std::move(layout));
}
// In the order of the keys, if there are any, and only those within the limits.
RowsNodePtr sort_and_cut(RowsNodePtr rows, std::vector<SortKey> keys, const RowLimits& limits);

// The system table that the source means; null where it means none.
const SystemTable* find_system_table(const AliasedSource& named, const PlanContext& context);

// One SELECT without WITH.
Result<PlannedRows> plan_one_select(const Query& query, RowsPlanning& planning);

// Whether values are ordered, or told from each other, as the steps do it: by what they are kept as.
Status check_ordered(const SqlType& type, TextPosition position);
Status check_distinct(const SqlType& type, TextPosition position);

}  // namespace engine
