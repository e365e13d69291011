// Which columns a SELECT gives: names, keys before values, and what ksqlDB demands of them.
#pragma once
#include <string>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/plan/analysis.h"

namespace engine {

struct SelectColumns {
  Schema schema;
  std::vector<BoundExpression> expressions;  // one a column of the schema
  std::vector<bool> is_key;
  size_t field_count = 0;  // with those of STRUCTs
};

// Of a query that writes a stream or table: every key column of the result must be selected, once;
// keys come first.
Result<SelectColumns> persistent_columns(const Analysis& analysis, const std::string& sink_name,
                                         const Scope& scope);
// Fails when a key column of the result is not selected, or is twice: what can be said before types
// are known.
Status check_keys_selected(const Analysis& analysis, const std::string& sink_name);
// Of a query that a client follows: the items as they stand.
Result<SelectColumns> transient_columns(const Analysis& analysis, const Scope& scope);

// `s->*` becomes one item for each field.
Status expand_struct_stars(Analysis& analysis, const Scope& scope);
// The outermost calls of table functions. Fails when one is nested in another, or in CASE.
Status find_table_functions(const Expression& expression, std::vector<const Expression*>& found);

// WHERE sees no windows that the query itself makes. The query has a WHERE.
Status check_where_bounds(const Analysis& analysis);
// As ksqlDB, in which a query with joins does not see the bounds of its own windows.
Status check_no_bounds_of_join(const Analysis& analysis);
// The rules of GROUP BY that do not need types (dialect, section 12).
Status check_grouping(const Analysis& analysis);
// What the group's key column is called: as it is selected, or by itself.
std::string grouping_name(const Analysis& analysis, size_t index);

}  // namespace engine
