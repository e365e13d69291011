// The statements of the dialect as parsed: sources, types, rows, inspection and control.
// ast_session.h has the statements of PostgreSQL clients about the session.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/ast_connector.h"
#include "engine/sql/ast_link.h"
#include "engine/sql/ast_query.h"
#include "engine/sql/ast_topic.h"

namespace engine {

struct ParsedStatement;

enum class SourceKind : uint8_t { Stream, Table };

enum class ColumnConstraint : uint8_t { None, Key, PrimaryKey, Headers, Header };

// A UNIQUE, CHECK or FOREIGN KEY constraint that is not enforced: rows are not checked against it. The catalog only
// lists it, for programs that read constraints from the catalog (setting unenforced_constraints).
struct UnenforcedConstraint {
  std::string name;                  // name as displayed; empty: not chosen yet
  std::string type;                  // contype of pg_constraint: "u", "c" or "f"
  std::vector<std::string> columns;  // names in the catalog
  // for a FOREIGN KEY: the table's name in the catalog
  std::string referenced_table = {};
  std::vector<std::string> referenced_columns = {};  // empty: the primary key
  std::string definition = {};                       // as pg_get_constraintdef() shows it
};

struct TableElement {
  Name name;
  TypeName type;
  ColumnConstraint constraint = ColumnConstraint::None;
  std::string header_key = {};  // k of HEADER('k')
  TextPosition position;
  // The following members are for clauses of PostgreSQL's syntax.
  bool is_not_null = false, is_serial = false;
  std::string default_sql = {};
  bool if_not_exists = false;  // only for ADD COLUMN
  std::vector<UnenforcedConstraint> unenforced = {};
};

struct CreateSource {
  SourceKind kind;
  bool or_replace = false, if_not_exists = false;
  bool is_source = false;  // CREATE SOURCE STREAM: read-only
  Name name;
  TextPosition name_position;
  std::vector<TableElement> elements;
  PropertyList properties;
  bool is_postgres = false;   // in PostgreSQL's syntax, with features that the dialect lacks
  bool is_temporary = false;  // true: CREATE TEMP TABLE
  // constraints of the table; those of columns are in `elements`
  std::vector<UnenforcedConstraint> unenforced = {};
};

struct CreateAsSelect {
  SourceKind kind;
  bool or_replace = false, if_not_exists = false;
  Name name;
  TextPosition name_position;
  PropertyList properties;
  Query query;
  bool is_temporary = false;  // CREATE TEMP TABLE ... AS: filled once, and read by one session
};

struct DropSource {
  SourceKind kind;
  bool if_exists = false, delete_topic = false;
  Name name;
  TextPosition name_position;
};

// DROP TABLE a, b, which drops all tables or none.
struct DropSources {
  std::vector<DropSource> drops;
  bool cascade = false;  // views that read the sources are dropped, too
};

struct TableName {
  Name name;
  TextPosition position;
};
struct Truncate {
  std::vector<TableName> tables;
};
// ALTER TABLE name ADD PRIMARY KEY (columns)
struct AddPrimaryKey {
  TableName table;
  std::vector<TableName> columns;
  bool if_exists = false;
};
// ALTER TABLE ... DROP COLUMN, RENAME COLUMN, ALTER COLUMN ... TYPE, SET and DROP NOT NULL, and ADD
// COLUMN with a value for existing rows. The changes of one statement are executed in the order of
// this list.
struct AlterColumns {
  TableName table;
  struct Dropped {
    TableName column;
    bool if_exists = false;
  };
  std::vector<Dropped> dropped;
  struct Renamed {
    TableName column;
    Name name;
  };
  std::vector<Renamed> renamed;
  struct Retyped {
    TableName column;
    TypeName type;
    std::string using_sql = {};  // expression for the new values; empty: a cast of the old values
  };
  std::vector<Retyped> retyped;
  struct Nullability {
    TableName column;
    bool is_not_null = false;
  };
  std::vector<Nullability> nullability = {};
  std::vector<TableElement> added = {};
  bool if_exists = false;
};
// ALTER TABLE table ALTER COLUMN column SET DEFAULT value, DROP DEFAULT
struct AlterDefault {
  TableName table, column;
  std::string default_sql = {};  // empty: removes the default
  bool if_exists = false;
};
// CREATE [OR REPLACE] VIEW name (columns) AS SELECT ..., and CREATE MATERIALIZED VIEW, whose rows are kept up to date.
struct CreateView {
  bool or_replace = false;
  TableName name;
  std::vector<Name> columns = {};  // empty: as the SELECT names them
  std::shared_ptr<const Query> query;
  std::string query_sql;     // the text of the SELECT
  bool is_postgres = false;  // PostgreSQL's parser read it
  // The following members are for CREATE MATERIALIZED VIEW.
  bool is_materialized = false, if_not_exists = false;
  struct Option {
    std::string name, value;  // name as written; value without quotes
    TextPosition position;
  };
  std::vector<Option> options = {};  // options of WITH
};
// DROP [MATERIALIZED] VIEW a, b, which drops all views or none.
struct DropViews {
  bool if_exists = false, cascade = false;
  std::vector<TableName> names;
  bool is_materialized = false;
};
// REFRESH MATERIALIZED VIEW name: waits until the view shows everything that was acknowledged
// before the statement.
struct RefreshView {
  TableName name;
};
// ALTER TABLE table ADD CONSTRAINT name UNIQUE|CHECK|FOREIGN KEY, CREATE UNIQUE INDEX name, ALTER TABLE DROP CONSTRAINT name
struct ChangeConstraint {
  TableName table;
  bool if_exists = false;                     // IF EXISTS after TABLE
  std::optional<UnenforcedConstraint> added;  // none: `dropped` names the constraint to drop
  std::string dropped = {};
  bool missing_ok = false;  // DROP CONSTRAINT IF EXISTS
  std::string tag = "ALTER TABLE";
};
enum class RelationKind : uint8_t { Stream, Table, View, MaterializedView };
// ALTER STREAM|TABLE|[MATERIALIZED] VIEW name RENAME TO new_name. As in PostgreSQL, TABLE also takes the name of a view.
struct RenameRelation {
  RelationKind kind = RelationKind::Table;
  bool if_exists = false;
  TableName name;
  Name new_name;
};
// CREATE SCHEMA, DROP SCHEMA a, b
struct CreateSchema {
  bool if_not_exists = false;
  TableName name;
};
struct DropSchemas {
  bool if_exists = false, cascade = false;
  std::vector<TableName> names;
};
// COMMENT ON TABLE table IS 'text', COMMENT ON COLUMN table.column IS 'text'; also for streams.
struct CommentOn {
  TableName table;
  std::optional<TableName> column = {};
  std::optional<std::string> text = {};  // none: NULL, which removes the comment
};
// VACUUM, ANALYZE and similar statements, which have no effect here.
struct Maintain {
  std::string tag;
};

struct AlterSource {
  SourceKind kind;
  Name name;
  TextPosition name_position;
  std::vector<TableElement> added;
  bool if_exists = false;
};

struct CreateType {
  bool if_not_exists = false;
  Name name;
  TextPosition name_position;
  TypeName type;
  bool is_domain = false;  // true: CREATE DOMAIN
};
struct DropType {
  bool if_exists = false;
  Name name;
  TextPosition name_position;
  bool is_domain = false;
};

struct Assignment {
  TableName column;
  ExpressionPtr value;
};
// ON CONFLICT (columns) DO NOTHING, or DO UPDATE SET column = value, ... WHERE condition
struct OnConflict {
  std::optional<Name> alias = {};            // alias of the target
  std::vector<TableName> columns = {};       // empty: any conflict
  std::string constraint = {};               // name of a constraint, instead of columns
  std::vector<Assignment> assignments = {};  // empty: DO NOTHING
  ExpressionPtr where = nullptr;             // may be null
  TextPosition position = {};
};
struct InsertSelect {
  Name target;
  TextPosition target_position;
  PropertyList properties;
  Query query;
  // the columns that the statement lists, if it writes each row once (into a table); empty: all
  // columns
  std::vector<TableName> columns = {};
  std::shared_ptr<const OnConflict> on_conflict = {};  // copies share the clause; null: none
  std::vector<SelectItem> returning = {};
};

struct InsertColumn {
  Name name;
  TextPosition position;
};
struct InsertValues {
  Name target;
  TextPosition target_position;
  std::vector<InsertColumn> columns;  // empty: all, in schema order
  std::vector<ExpressionList> rows;   // one or more; their lengths may differ
  std::vector<SelectItem> returning = {};
  std::optional<Name> alias = {};  // alias of the target
};
// prefix of the names of columns for UpdateRows::row_values
inline constexpr std::string_view kRowValue = "\x07";
struct DeleteRows {
  TableName target;
  std::optional<Name> alias;
  ExpressionPtr where;  // may be null
  Query reads = {};     // WITH and USING: the target and the sources of the statement, as in FROM
  std::vector<SelectItem> returning = {};
};
struct UpdateRows {
  TableName target;
  std::optional<Name> alias;
  std::vector<Assignment> assignments;
  ExpressionPtr where;  // may be null
  Query reads = {};     // WITH, and with FROM: the target and its sources
  std::vector<SelectItem> returning = {};
  // The sub-queries of (a, b) = (SELECT ...). Each returns one row with the fields C1, C2, ... The assignments refer to
  // the fields of a column whose name is kRowValue plus the index of the sub-query.
  ExpressionList row_values = {};
};

struct Print {
  Name topic;
  bool from_beginning = false;
  std::optional<int64_t> interval, limit;
  std::optional<LinkName> link = {};  // FROM LINK: the topic is in another cluster
};

// SET 'prop' = 'value' sets one of ksqlDB's properties; SetSetting sets one of PostgreSQL's
// settings.
struct SetProperty {
  std::string name, value;
};
struct UnsetProperty {
  std::string name;
};
struct AlterSystem {
  std::string name, value;
};
struct DefineVariable {
  Name name;
  std::string value;
};
struct UndefineVariable {
  Name name;
};
struct RunScript {
  std::string file;
};

struct AssertTopic {
  bool exists = true;  // false: ASSERT NOT EXISTS
  Name topic;
  PropertyList properties;
  std::optional<Duration> timeout;
};
struct AssertSchema {
  bool exists = true;
  std::optional<Name> subject;
  std::optional<int64_t> id;
  std::optional<Duration> timeout;
};

enum class ShowKind : uint8_t {
  Topics,
  Schemas,
  Streams,
  Tables,
  Queries,
  Tasks,
  Server,
  Cluster,
  Functions,
  Properties,
  Types,
  Variables,
  Connectors,
  ConnectorPlugins,
  ConnectorTasks,
  ConsumerGroups,
  ConsumerLag,
  Links,
  LinkTopics  // SHOW TOPICS FROM LINK
};
struct Show {
  ShowKind kind;
  bool all = false, extended = false;
  ConnectorKind connectors = ConnectorKind::Any;
  std::optional<Name> group = {};           // group of ConsumerLag; none: all groups
  std::optional<LinkName> link = {};        // link of LinkTopics
  std::optional<std::string> pattern = {};  // LIKE pattern of LinkTopics; none: all topics
};

struct DescribeSource {
  Name name;
  TextPosition name_position;
  bool extended = false;
};
struct DescribeSources {
  SourceKind kind;
  bool extended = false;
};
struct DescribeFunction {
  std::string name;
  TextPosition name_position;
};  // the name is in upper case

enum class ExplainFormat : uint8_t {
  Text,
  Topology,  // in ksqlDB's notation for processors of Kafka Streams
  Dot,       // a picture in Graphviz's language
  Json,      // PostgreSQL's FORMAT JSON: a document with the lines of the text
};
struct Explain {
  bool analyze = false;
  ExplainFormat format = ExplainFormat::Text;
  std::unique_ptr<ParsedStatement> statement;  // null: `query_id` names the query
  std::optional<Name> query_id;
};

enum class QueryAction : uint8_t { Terminate, Pause, Resume };
struct ControlQuery {
  QueryAction action;
  std::optional<Name> query_id;  // not set: ALL
  TextPosition position;
};

}  // namespace engine
