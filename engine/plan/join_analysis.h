// Resolves the names in JOINs. Finds out which source each side of a condition belongs to, and
// which expressions are the key of the joined rows.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// Analyses the joins. The sources must have been resolved, and the conditions must be canonical
// (Analysis). Fails if a condition is one that no join may have (docs/sql/joins.md). Does not check
// types. With `as_ksqldb`, also fails for conditions that ksqlDB refuses although their
// result is defined, such as a join of a source with itself.
Result<std::vector<AnalysedJoin>> analyse_joins(std::vector<Join> joins,
                                                const std::vector<AnalysedSource>& sources,
                                                bool as_ksqldb);

// Returns whether all joins are foreign-key joins. The result then has the primary key of the first table.
bool are_all_foreign(const std::vector<AnalysedJoin>& joins);

// Returns the expressions that are equal to the key of the rows after the first `count` joins, in
// the order of the text. They are the two sides of the last condition, and all expressions that
// earlier conditions equate with one of them.
std::vector<const Expression*> equal_to_join_key(const std::vector<AnalysedJoin>& joins,
                                                 size_t count);
bool contains(const std::vector<const Expression*>& list, const Expression& expression);

// Returns the column that gives the key of the result its name: the first selected column that
// contains the key of the joined rows. Returns nullptr if no such column is selected. The query
// must have joins.
const Expression* selected_join_key(const Analysis& analysis);

// Returns the name of the key if no column contains it, as after a FULL JOIN or a comparison of
// expressions. The key is then a column ROWKEY, which can be selected, as in ksqlDB.
std::optional<std::string> synthetic_join_key(const Analysis& analysis);
std::optional<std::string> synthetic_join_key(const std::vector<AnalysedJoin>& joins,
                                              const std::vector<AnalysedSource>& sources);

// Return whether the expression is this column, or the only key column of the source.
bool is_reference(const Expression& expression, const std::string& alias, const std::string& name);
bool is_key_of(const Expression& expression, const AnalysedSource& source);

// join_text() returns the text of a join as in ksqlDB's messages, "A LEFT [OUTER] JOIN B";
// condition_text() returns that of its condition, "A.ID = B.ID". Both keep the order of the
// statement.
std::string join_text(const AnalysedJoin& join, const std::vector<AnalysedSource>& sources);
std::string condition_text(const AnalysedJoin& join);

}  // namespace engine
