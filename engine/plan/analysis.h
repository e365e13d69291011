// A SELECT, resolved against the catalog as far as names go: which sources, which items under which
// names, what is grouped and aggregated. The planners of continuous, push and pull queries all
// start from it.
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

// What planning a statement may look at. All of it outlives the call.
struct PlanContext {
  const Catalog& catalog;
  const Topics& topics;
  const EngineSettings& settings;
  const Properties& properties;
  // Of the statement's parameters $n; null where there can be none.
  std::vector<ParameterSlot>* parameters = nullptr;
  bool fold_quoted_names = false;  // as in Scope
  // Takes the schemas that a definition registers; null where nothing is defined.
  Registrar* registrar = nullptr;
  // What a SELECT finds beside the catalog's streams and tables; null: nothing.
  const SystemTables* system_tables = nullptr;
  // Whether whoever asks may read a stream or table; null: all of them.
  const std::function<Status(const DataSource&)>* may_read = nullptr;
  // Tables of the session alone: their names in the statement -> in the catalog; null: there are none.
  const std::map<std::string, std::string>* temporary = nullptr;
};

// The stream or table that a name means; nullptr when there is none. Where the front end folds
// quoted names, a double-quoted name in lower case also means the upper-case one.
const DataSource* find_source(const Name& name, const PlanContext& context);
// The session's own table of that name, as an entry of PlanContext::temporary.
const std::pair<const std::string, std::string>* find_temporary(const Name& name,
                                                                const PlanContext& context);

struct AnalysedSource {
  const DataSource* source = nullptr;
  std::string alias;  // by which the query addresses it
  TextPosition position;
};

// Every source that a query reads comes by here. Fails with UndefinedSource, and with what `may_read` says.
Result<AnalysedSource> resolve_source(const AliasedSource& named, const PlanContext& context);

struct AnalysedItem {
  ExpressionPtr expression;
  std::string name;           // of the result column
  bool is_generated = false;  // KSQL_COL_0
  bool from_star = false;
  TextPosition position;
};

// One JOIN: `left_key = right_key`, where the right side is of the source that the JOIN adds.
struct AnalysedJoin {
  JoinType type = JoinType::Inner;
  size_t left = 0, right = 0;  // of Analysis::sources
  ExpressionPtr left_key, right_key;
  bool is_flipped = false;  // the right side was written first
  // Of two tables: the left key is not what the rows before it are keyed by, and stays what their key is.
  bool is_foreign = false;
  // Of a first join that is foreign: the primary key of the left table.
  ExpressionList primary_key;
  std::optional<Within> within;
  TextPosition position;
};

// Column references in all expressions are canonical: with one source they carry no qualifier, with
// several always one. Two expressions that mean the same are therefore equal as trees.
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

// As in PostgreSQL.
inline constexpr size_t kMaxResultColumns = 1664;
// Fails with LimitExceeded on a SELECT list that no result can have.
Status check_item_count(const Query& query);
// The number behind LIMIT; nothing without one.
Result<std::optional<int64_t>> read_limit(const Expression* limit);

// Fails with NotSupported on aggregates, for queries without EMIT: they would show how the result came
// about, not the result.
Status check_no_aggregates(const Analysis& analysis);

enum class QueryUse : uint8_t { Persistent, Push, Pull };

// Fails on unknown sources, on what no query may do, and on what this use of a query may not do.
Result<Analysis> analyse(const Query& query, const PlanContext& context, QueryUse use);

// All columns of a source as its input gives them: the schema's, then ROWTIME, ROWPARTITION,
// ROWOFFSET, and the window's bounds where the source is windowed. `qualifier` is set in queries
// with several sources.
Layout input_layout(const DataSource& source, const std::string& qualifier);

// The aggregate calls in an expression, outermost first. Fails when one is nested in another.
Status find_aggregates(const Expression& expression, std::vector<const FunctionCall*>& found);
bool is_aggregate_call(const Expression& expression);
bool contains_aggregate(const Expression& expression);
// Adds to `used[i]` whether layout column i is referred to.
void mark_used(const Expression& expression, const Layout& layout, std::vector<bool>& used);

// "a, b and c".
std::string join_words(const std::vector<std::string>& words, std::string_view last);

}  // namespace engine
