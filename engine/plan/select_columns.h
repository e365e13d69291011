// Determines the result columns of a SELECT (names, and keys before values), and checks ksqlDB's
// requirements for them.
#pragma once
#include <string>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/plan/analysis.h"

namespace engine {

struct SelectColumns {
  Schema schema;
  std::vector<BoundExpression> expressions;  // one per column of the schema
  std::vector<bool> is_key;
  size_t field_count = 0;  // sum of field_count() over the types of the columns
};

// Returns the columns of a query that writes a stream or table, keys first. Fails unless every key
// column of the result is selected exactly once.
Result<SelectColumns> persistent_columns(const Analysis& analysis, const std::string& sink_name,
                                         const Scope& scope);
// Fails if a key column of the result is not selected or is selected twice. Finds only those errors
// that can be found before types are resolved.
Status check_keys_selected(const Analysis& analysis, const std::string& sink_name);
// Returns the columns of a query that a client follows, which are the items in their order.
Result<SelectColumns> transient_columns(const Analysis& analysis, const Scope& scope);

// Expands `s->*` to one item per field.
Status expand_struct_stars(Analysis& analysis, const Scope& scope);
// Appends the outermost calls of table functions. Fails if a call is nested in another, or in CASE.
Status find_table_functions(const Expression& expression, std::vector<const Expression*>& found);

// Fails if WHERE refers to windows that the query itself creates. The query must have a WHERE.
Status check_where_bounds(const Analysis& analysis);
// Fails if a query with joins refers to the bounds of its own windows, as in ksqlDB.
Status check_no_bounds_of_join(const Analysis& analysis);
// Checks the parts of GROUP BY that can be checked without types. Fails, for example, if the query
// has no aggregate, or if GROUP BY contains an aggregate or the same expression twice.
Status check_grouping(const Analysis& analysis);
// Returns the name of the group's key column: that of the selected item, or a generated one.
std::string grouping_name(const Analysis& analysis, size_t index);

}  // namespace engine
