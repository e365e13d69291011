// A SELECT with its names resolved against the catalog: its sources, its items and their names, its groups and
// aggregates. The planners of continuous, push and pull queries all begin with this analysis.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/expr/bind.h"
#include "engine/sql/ast.h"
#include "engine/types/batch.h"

namespace engine {

class Registrar;
class SystemTables;

// Context for planning a statement. All references outlive the call.
struct PlanContext {
  const Catalog& catalog;
  const Topics& topics;
  const EngineSettings& settings;
  const Properties& properties;
  // Slots of the statement's parameters $n; null if the statement cannot have parameters.
  std::vector<ParameterSlot>* parameters = nullptr;
  bool fold_quoted_names = false;  // explained at Scope::fold_quoted_names
  // Registers the schemas of a definition; null if the statement defines nothing.
  Registrar* registrar = nullptr;
  // System tables that a SELECT can read in addition to the catalog's streams and tables; null: none.
  const SystemTables* system_tables = nullptr;
  // Checks whether the user may read a stream or table; null: all are readable.
  const std::function<Status(const DataSource&)>* may_read = nullptr;
  // Temporary tables of the session, as a map from their names in statements to their names in the catalog; null:
  // none.
  const std::map<std::string, std::string>* temporary = nullptr;
};

// Returns the stream or table with this name; nullptr if it does not exist. If the front end folds quoted names, a
// double-quoted name in lower case also matches the upper-case name.
const DataSource* find_source(const Name& name, const PlanContext& context);
// Returns the session's temporary table with this name, as an entry of PlanContext::temporary; nullptr if it does not
// exist.
const std::pair<const std::string, std::string>* find_temporary(const Name& name,
                                                                const PlanContext& context);

// Returns the view that the source names; nullptr if it names no view, and always with --compat ksqldb. A stream or
// table with the same name takes precedence, also if it is temporary.
const View* find_view(const AliasedSource& named, const PlanContext& context);

struct AnalysedSource {
  const DataSource* source = nullptr;
  std::string alias;  // name by which the query refers to the source
  TextPosition position;
};

// Resolves a source that a query reads; every source must pass through this function. Fails with UndefinedSource, or
// with the error of `may_read`.
Result<AnalysedSource> resolve_source(const AliasedSource& named, const PlanContext& context);

struct AnalysedItem {
  ExpressionPtr expression;
  std::string name;           // name of the result column
  bool is_generated = false;  // its name is KSQL_COL_0 or similar
  bool from_star = false;
  TextPosition position;
};

// One JOIN with the condition `left_key = right_key`. The right key belongs to the source that this
// JOIN adds.
struct AnalysedJoin {
  JoinType type = JoinType::Inner;
  size_t left = 0, right = 0;  // indexes in Analysis::sources
  ExpressionPtr left_key, right_key;
  bool is_flipped = false;  // the statement has the right key before the left one
  // Set for a join of two tables whose left key is not the key of the rows that the previous joins
  // have produced. The joined rows keep that key.
  bool is_foreign = false;
  // The primary key of the left table, if the first join is foreign.
  ExpressionList primary_key;
  std::optional<Within> within;
  TextPosition position;
};

enum class QueryUse : uint8_t { Persistent, Push, Pull };

// The analysis of a SELECT. All expressions refer to columns in one canonical form: without a
// qualifier if the query has only one source, otherwise always with one. So two expressions with
// the same meaning are equal as trees.
struct Analysis {
  std::vector<AnalysedSource> sources;
  std::vector<AnalysedJoin> joins;
  std::vector<AnalysedItem> items;
  ExpressionPtr where, having;  // may be null
  ExpressionList group_by, partition_by;
  std::optional<WindowClause> window;
  Emit emit = Emit::None;
  QueryUse use = QueryUse::Persistent;
  std::optional<int64_t> limit;
  bool has_aggregates = false;  // GROUP BY exists, or an aggregate in items or HAVING
  bool has_table_functions = false;
};

// Limit for the columns of a result, as in PostgreSQL.
inline constexpr size_t kMaxResultColumns = 1664;
// Fails with LimitExceeded if the SELECT list has more columns than a result may have.
Status check_item_count(const Query& query);
// Returns the LIMIT; nullopt if the query has none.
Result<std::optional<int64_t>> read_limit(const Expression* limit);

// Fails with NotSupported if a query without EMIT has aggregates, because such a query would return
// intermediate results, too.
Status check_no_aggregates(const Analysis& analysis);

// Analyses a query. Fails if a source is unknown, or if the query has a construct that no query, or not this use of a
// query, may contain.
Result<Analysis> analyse(const Query& query, const PlanContext& context, QueryUse use);

// Returns the columns of a source's input: those of the schema, then ROWTIME, ROWPARTITION, ROWOFFSET, and the window
// bounds if the source is windowed. `qualifier` is set in queries with several sources.
Layout input_layout(const DataSource& source, const std::string& qualifier);

// Appends the aggregate calls in an expression, outermost first. Fails if a call is nested in another.
Status find_aggregates(const Expression& expression, std::vector<const FunctionCall*>& found);
bool is_aggregate_call(const Expression& expression);
bool contains_aggregate(const Expression& expression);
// Sets `used[i]` if the expression refers to layout column i.
void mark_used(const Expression& expression, const Layout& layout, std::vector<bool>& used);

// Joins words to a text such as "a, b and c". `last` is the last conjunction, for example "and".
std::string join_words(const std::vector<std::string>& words, std::string_view last);

}  // namespace engine
