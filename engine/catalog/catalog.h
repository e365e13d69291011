// The named objects of the SQL engine: streams, tables, types, and running queries. A catalog is immutable: a statement
// that changes objects creates a new catalog.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/persistent_map.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/catalog/sequence.h"
#include "engine/catalog/view.h"
#include "engine/formats/spec.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// Settings that change the meaning of a statement, as texts by name. Names are spelled as in ksqlDB
// ("auto.offset.reset"). A persistent query keeps the settings with which it was created.
using Properties = std::map<std::string, std::string>;

// The window type of a topic whose keys are windowed.
struct SourceWindow {
  WindowType type;
  std::optional<int64_t> size_ms;  // not set for sessions
  bool operator==(const SourceWindow&) const = default;
};

// The column that holds a record's event time, if it is not the record's own timestamp.
struct TimestampColumn {
  std::string column;
  std::optional<std::string> format;  // a Java date pattern; only for a STRING column
  bool operator==(const TimestampColumn&) const = default;
};

// Name of a session property. If it is "on", the session may define UNIQUE, CHECK and FOREIGN KEY
// constraints, which are then stored but not enforced.
inline constexpr std::string_view kUnenforcedConstraints = "unenforced_constraints";

// A stream or a table, and the layout of its records in its topic.
struct DataSource {
  std::string name;
  SourceKind kind = SourceKind::Stream;
  Schema schema;
  std::string topic;
  FormatSpec key_format, value_format;
  std::optional<SourceWindow> window;
  std::optional<TimestampColumn> timestamp;
  bool read_only = false;     // from CREATE SOURCE: INSERT INTO fails
  std::string created_by;     // id of the query of a CREATE ... AS; otherwise empty
  std::string sql;            // statement that created the source
  int partitions = 1;         // number of the topic's partitions
  bool owns_topic = false;    // DROP removes the topic, too (docs/adr/0053)
  bool is_temporary = false;  // belongs to one session; dropped when the session or the server ends
  std::map<std::string, std::string> comments = {};  // by column; "": comment of the source
  // The columns in the order of their declaration. It is set for a table that was declared in
  // PostgreSQL's syntax and whose key is not its first column. Empty: columns are shown in the
  // order of the schema.
  std::vector<std::string> column_order = {};
  std::vector<UnenforcedConstraint> unenforced = {};
};

// Returns the indexes in the schema of the columns that `SELECT *` shows and that an INSERT or COPY without a column
// list fills, in this order. The row id is not included.
std::vector<size_t> shown_columns(const DataSource& source);
// Returns the names of the columns that `SELECT *` shows. The window bounds of a windowed key
// follow the key.
std::vector<std::string> names_of_star(const DataSource& source);

// View: a query that stores the rows of a materialized view.
enum class QueryKind : uint8_t { CreateAs, InsertInto, SourceTable, View };
enum class DesiredState : uint8_t { Running, Paused };

// A query that runs until it is dropped, as the user defined it. Its progress is not part of the catalog.
struct PersistentQuery {
  std::string id;  // for example CSAS_X_0, CTAS_X_1, INSERTQUERY_2, CST_X_3 or VIEW_X_4
  QueryKind kind = QueryKind::CreateAs;
  std::string sql;
  std::string sink;                  // stream or table that the query writes; empty for SourceTable
  std::vector<std::string> sources;  // names, in the order of the text
  Properties properties;
  DesiredState state = DesiredState::Running;
  // Id of the query that this query replaces when it has caught up (docs/adr/0046); empty if it replaces none.
  std::string rebuilds = {};
};

// All named objects as of one moment. Copies share their unchanged parts, so a new catalog costs
// only as much as the change.
//
// Invariant: sources and queries change only through put and erase, which keep the indexes up to date.
class Catalog {
 public:
  using Sources = PersistentMap<std::string, std::shared_ptr<const DataSource>>;
  using Queries = PersistentMap<std::string, std::shared_ptr<const PersistentQuery>>;
  const Sources& sources() const { return sources_; }
  const Queries& queries() const { return queries_; }
  CustomTypes types;
  std::set<std::string> schemas;  // from CREATE SCHEMA; objects are named `schema.name`
  Properties system_properties;   // from ALTER SYSTEM; settings of a session take precedence
  int64_t next_query_number = 0;

  // Returns the object; nullptr if it does not exist. Names are compared exactly.
  const DataSource* find_source(std::string_view name) const;
  const PersistentQuery* find_query(std::string_view id) const;
  // Returns the ids of the queries that read or write a source, in order.
  std::vector<std::string> readers_of(std::string_view source) const;
  std::vector<std::string> writers_of(std::string_view source) const;
  // Returns whether the source is a materialized view.
  bool is_view(const DataSource& source) const;
  // Returns the query that is being built to replace the query with this id, or nullptr.
  const PersistentQuery* rebuild_of(std::string_view id) const;

  // Adds an object, or replaces the object with the same name.
  void put(std::shared_ptr<const DataSource> source);
  void put(std::shared_ptr<const PersistentQuery> query);
  void erase_source(std::string_view name);
  void erase_query(std::string_view id);

 private:
  // A set of (source, query id). The value is unused.
  using Uses = PersistentMap<std::pair<std::string, std::string>, bool>;

  Sources sources_;
  Queries queries_;
  Uses readers_, writers_;

 public:
  PersistentMap<std::string, SequencePtr> sequences;  // by name; disjoint from the names of sources
  PersistentMap<std::string, ViewPtr> views;          // by name; disjoint from the other names
};
using CatalogPtr = std::shared_ptr<const Catalog>;

struct TopicDescription {
  std::string name;
  Uuid id;
  int partitions = 1, replicas = 1;
  Properties config = {};  // for example retention.ms and cleanup.policy
};

// All existing topics, including those that no statement created. The server implements this
// interface with its storage; MemoryTopics keeps topics in memory.
class Topics {
 public:
  virtual ~Topics() = default;
  virtual std::optional<TopicDescription> find(std::string_view name) const = 0;
  virtual std::vector<TopicDescription> all() const = 0;  // ordered by name
};

// Settings of the server that decide defaults of statements (docs/CONFIGURATION.md).
struct EngineSettings {
  bool ksqldb_compat = false;  // `compat = ksqldb`: all of ksqlDB's defaults
  int num_partitions = 4;      // for topics that a statement creates without a partition count
  std::string default_key_format = "KAFKA";
  std::string default_value_format = "JSON";  // empty: statements must contain VALUE_FORMAT
  std::string output_topic_prefix;
  bool lower_case_topics = true;  // a topic named after its source has a lower-case name
};

}  // namespace engine
