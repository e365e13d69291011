// The JOINs of a query, as far as names go: what each condition compares, and which of the compared
// expressions the joined rows are keyed by.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// The sources of the query are known, the conditions canonical. Fails on conditions that no join
// may have (dialect, 13.1); types are not looked at. `as_ksqldb`: also on those that ksqlDB refuses although
// their answer is defined, as of a source with itself.
Result<std::vector<AnalysedJoin>> analyse_joins(std::vector<Join> joins,
                                                const std::vector<AnalysedSource>& sources,
                                                bool as_ksqldb);

// Whether all of the joins are by foreign keys: the result then has the first table's primary key.
bool are_all_foreign(const std::vector<AnalysedJoin>& joins);

// The expressions whose value is the key of the rows after the first `count` joins, in the order of
// the text: those of the last condition, and those that earlier ones say are equal to them.
std::vector<const Expression*> equal_to_join_key(const std::vector<AnalysedJoin>& joins,
                                                 size_t count);
bool contains(const std::vector<const Expression*>& list, const Expression& expression);

// The column that names the result's key: of those that hold the joined rows' key the first that is
// selected, or nullptr. The query has joins.
const Expression* selected_join_key(const Analysis& analysis);

// The name of the key where no column holds it, as after a FULL JOIN or where expressions are compared: ksqlDB
// makes a column ROWKEY then, which can be selected.
std::optional<std::string> synthetic_join_key(const Analysis& analysis);
std::optional<std::string> synthetic_join_key(const std::vector<AnalysedJoin>& joins,
                                              const std::vector<AnalysedSource>& sources);

// Whether the expression is that column, or the one key column of the source.
bool is_reference(const Expression& expression, const std::string& alias, const std::string& name);
bool is_key_of(const Expression& expression, const AnalysedSource& source);

// As ksqlDB writes a join in messages: "A LEFT [OUTER] JOIN B", and its condition "A.ID = B.ID" in
// the order of the text.
std::string join_text(const AnalysedJoin& join, const std::vector<AnalysedSource>& sources);
std::string condition_text(const AnalysedJoin& join);

}  // namespace engine
