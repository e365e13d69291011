// A SELECT as parsed. Pull queries, push queries and the queries of CREATE ... AS and INSERT INTO
// have the same form.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_expression.h"

namespace engine {

// One entry of WITH (...). The value is a literal.
struct Property {
  std::string name;          // in upper case
  std::string written_name;  // as written, without quotes, since connectors distinguish case
  ExpressionPtr value;
  TextPosition position;

  // Returns the text of the value: the content of a string literal without its quotes, or the SQL
  // text of any other literal, such as 4, true or null.
  std::string text() const;
};
using PropertyList = std::vector<Property>;

// Returns the property with this name, which is in upper case, or nullptr.
const Property* find_property(const PropertyList& properties, std::string_view name);

struct Duration {
  int64_t count;
  TimeUnit unit;  // Days or shorter in windows
  // Returns milliseconds. Fails with OutOfRange if they do not fit into 64 bits.
  Result<int64_t> to_ms() const;
};

enum class SelectItemKind : uint8_t {
  Expression,    // expression [AS alias]
  AllColumns,    // * or source.*
  StructFields,  // expression->*
};

struct SelectItem {
  SelectItemKind kind;
  ExpressionPtr expression;    // null for AllColumns
  std::optional<Name> alias;   // only for Expression
  std::optional<Name> source;  // only for AllColumns: source.*
  TextPosition position;
};

struct AliasedSource {
  std::optional<Name> schema;  // PUBLIC.orders; the dialect itself has no schemas
  Name name;
  std::optional<Name> alias;
  TextPosition position;
  // The query of (SELECT ...) AS alias (column, ...), which copies share; null for the source named `name`.
  std::shared_ptr<const Query> query = nullptr;
  std::vector<Name> columns = {};  // empty: the names in the query
  bool lateral = false;            // the query may name columns of the sources before it
  bool is_function = false;        // f(x) AS alias: the alias alone means the function's result

  // Returns the name by which the other parts of the query refer to the source.
  const Name& visible_name() const { return alias ? *alias : name; }
};

enum class JoinType : uint8_t { Inner, Left, Right, Full };

// The WITHIN clause of a join: WITHIN 1 HOUR (before = after), or WITHIN (1 HOUR, 2 HOURS) GRACE PERIOD ...
struct Within {
  Duration before, after;
  std::optional<Duration> grace;
};

// Joins associate to the left: ((first JOIN a) JOIN b).
struct Join {
  JoinType type;
  AliasedSource source;
  std::optional<Within> within;
  ExpressionPtr on;  // null: with USING, or for all pairs (CROSS JOIN, a comma)
  TextPosition position;
  std::vector<Name> columns = {};  // columns of USING
  bool natural = false;            // USING of all names that both sides have
};
Join clone(const Join& join);

enum class WindowType : uint8_t { Tumbling, Hopping, Session };

struct WindowClause {
  WindowType type;
  Duration size;                    // the gap of a session
  std::optional<Duration> advance;  // set for Hopping only
  std::optional<Duration> retention, grace;
  TextPosition position;
};

enum class Emit : uint8_t { None, Changes, Final };
// The position of each clause's first word; unset for absent clauses.
struct ClausePositions {
  std::optional<TextPosition> window, where, group_by, partition_by, having, order_by, emit, limit;
};

// One item of WITH: name (column, ...) AS (SELECT ...).
struct CommonTable {
  Name name;
  std::vector<Name> columns;  // empty: the names in the query
  std::shared_ptr<const Query> query;
  TextPosition position;
  bool recursive = false;  // WITH RECURSIVE: the query may read itself
};

enum class SetOperator : uint8_t { Union, Intersect, Except };

struct SetOperation {
  SetOperator op;
  bool all;  // true: duplicates are kept
  std::shared_ptr<const Query> left, right;
  TextPosition position;
};

// A SELECT, a combination of the rows of two queries, or VALUES rows. Combinations and VALUES rows have no items, and
// only the clauses after HAVING.
struct Query {
  std::vector<CommonTable> with;
  std::optional<SetOperation> combined;
  std::vector<ExpressionList> values;

  bool distinct = false;       // SELECT DISTINCT, which continuous queries do not support
  ExpressionList distinct_on;  // DISTINCT ON (...); `distinct` is false then
  std::vector<SelectItem> items;
  std::optional<AliasedSource> from;  // none: a SELECT without FROM
  std::vector<Join> joins;
  std::optional<WindowClause> window;
  ExpressionPtr where;  // may be null
  ExpressionList group_by, partition_by;
  // GROUPING SETS, ROLLUP and CUBE, expanded: for each set, the indexes in group_by. Empty: one set of all expressions.
  std::vector<std::vector<size_t>> grouping_sets;
  ExpressionPtr having;  // may be null
  std::vector<OrderItem> order_by;
  Emit emit = Emit::None;
  ExpressionPtr limit, offset;  // may be null; an integer literal (may be negative) or a parameter
  TextPosition position;        // position of the word SELECT
  ClausePositions positions;
};

Query clone(const Query& query);
// Returns the expressions in the lists, clauses and joins of the query itself. Expressions in
// queries that it reads, and in sub-queries within expressions, are not included.
std::vector<const Expression*> own_expressions(const Query& query);
// A part of a query that the dialect of continuous queries does not support. beyond_dialect()
// returns the first such part of a query, or nothing if the query has none.
struct BeyondDialect {
  std::string what;
  TextPosition position;
};
std::optional<BeyondDialect> beyond_dialect(const Query& query);

}  // namespace engine
