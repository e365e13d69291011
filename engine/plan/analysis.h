// A SELECT with its names resolved against the catalog: its sources, its items and their names, its groups and
// aggregates. The planners of continuous, push and pull queries all start from it.
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
  // Slots of the statement's parameters $n; null if it cannot have any.
  std::vector<ParameterSlot>* parameters = nullptr;
  bool fold_quoted_names = false;  // as in Scope
  // Registers the schemas of a definition; null if the statement defines nothing.
  Registrar* registrar = nullptr;
  // System tables that a SELECT can read beside the catalog's streams and tables; null: none.
  const SystemTables* system_tables = nullptr;
  // Checks whether the user may read a stream or table; null: all are readable.
  const std::function<Status(const DataSource&)>* may_read = nullptr;
  // Temporary tables of the session: their names in statements -> names in the catalog; null: none.
  const std::map<std::string, std::string>* temporary = nullptr;
};

// Returns the stream or table with that name; nullptr if none. If the front end folds quoted names, a double-quoted
// name in lower case also matches the upper-case one.
const DataSource* find_source(const Name& name, const PlanContext& context);
// Returns the session's temporary table of that name, as an entry of PlanContext::temporary.
const std::pair<const std::string, std::string>* find_temporary(const Name& name,
                                                                const PlanContext& context);

// The view that the source names; nullptr where it names none, and under ksqlDB's ways. A stream or table of that name, a
// temporary one too, comes first.
const View* find_view(const AliasedSource& named, const PlanContext& context);

struct AnalysedSource {
  const DataSource* source = nullptr;
  std::string alias;  // name by which the query addresses it
  TextPosition position;
};

// Resolves every source that a query reads. Fails with UndefinedSource, or with the error of `may_read`.
Result<AnalysedSource> resolve_source(const AliasedSource& named, const PlanContext& context);

struct AnalysedItem {
  ExpressionPtr expression;
  std::string name;           // name of the result column
  bool is_generated = false;  // named KSQL_COL_0 and so on
  bool from_star = false;
  TextPosition position;
};

// One JOIN: `left_key = right_key`, where the right key belongs to the source that the JOIN adds.
struct AnalysedJoin {
  JoinType type = JoinType::Inner;
  size_t left = 0, right = 0;  // indexes in Analysis::sources
  ExpressionPtr left_key, right_key;
  bool is_flipped = false;  // the right key is written first
  // Join of two tables: the left key is not the key of the rows so far, and the rows keep their key.
  bool is_foreign = false;
  // If the first join is foreign: the primary key of the left table.
  ExpressionList primary_key;
  std::optional<Within> within;
  TextPosition position;
};

// Column references in all expressions are canonical: without qualifier if the query has one source, otherwise always
// with one. Expressions with the same meaning are therefore equal as trees.
struct Analysis {
  std::vector<AnalysedSource> sources;
  std::vector<AnalysedJoin> joins;
  std::vector<AnalysedItem> items;
  ExpressionPtr where, having;  // may be null
  ExpressionList group_by, partition_by;
  std::optional<WindowClause> window;
  Emit emit = Emit::None;
  std::optional<int64_t> limit;
  bool has_aggregates = false;  // GROUP BY, or an aggregate function in items or HAVING
  bool has_table_functions = false;
};

// PostgreSQL's limit.
inline constexpr size_t kMaxResultColumns = 1664;
// Fails with LimitExceeded if the SELECT list has more columns than a result may have.
Status check_item_count(const Query& query);
// Returns the LIMIT; nullopt if there is none.
Result<std::optional<int64_t>> read_limit(const Expression* limit);

// Fails with NotSupported on aggregates in queries without EMIT: such a query would return the intermediate results
// too.
Status check_no_aggregates(const Analysis& analysis);

enum class QueryUse : uint8_t { Persistent, Push, Pull };

// Fails on unknown sources, and on constructs that no query, or not this use of a query, may contain.
Result<Analysis> analyse(const Query& query, const PlanContext& context, QueryUse use);

// Returns the columns that a source's input has: those of the schema, then ROWTIME, ROWPARTITION, ROWOFFSET, and the
// window bounds if the source is windowed. `qualifier` is set in queries with several sources.
Layout input_layout(const DataSource& source, const std::string& qualifier);

// Appends the aggregate calls in an expression, outermost first. Fails if one is nested in another.
Status find_aggregates(const Expression& expression, std::vector<const FunctionCall*>& found);
bool is_aggregate_call(const Expression& expression);
bool contains_aggregate(const Expression& expression);
// Sets `used[i]` if the expression refers to layout column i.
void mark_used(const Expression& expression, const Layout& layout, std::vector<bool>& used);

// Returns "a, b and c".
std::string join_words(const std::vector<std::string>& words, std::string_view last);

}  // namespace engine
