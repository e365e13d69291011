// What the SQL engine knows by name: streams, tables, types, and the queries that run. A catalog
// never changes; a statement makes the next one.
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
#include "engine/formats/spec.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// Statement-level settings that decide what a statement means, name -> text; names as ksqlDB spells
// them ("auto.offset.reset"). A persistent query keeps those it was created with.
using Properties = std::map<std::string, std::string>;

// That the keys in a topic are windowed, and how.
struct SourceWindow {
  WindowType type;
  std::optional<int64_t> size_ms;  // none for sessions
  bool operator==(const SourceWindow&) const = default;
};

// Where a record's event time comes from, if not from the record's own timestamp.
struct TimestampColumn {
  std::string column;
  std::optional<std::string> format;  // a Java date pattern; only of a STRING column
  bool operator==(const TimestampColumn&) const = default;
};

// A stream or a table, and how it lies in its topic.
struct DataSource {
  std::string name;
  SourceKind kind = SourceKind::Stream;
  Schema schema;
  std::string topic;
  FormatSpec key_format, value_format;
  std::optional<SourceWindow> window;
  std::optional<TimestampColumn> timestamp;
  bool read_only = false;  // CREATE SOURCE ...
  std::string created_by;  // query id of the CREATE ... AS; empty otherwise
  std::string sql;         // the statement that made it
  int partitions = 1;      // of the topic
  bool owns_topic = false;    // DROP removes the topic, too (docs/adr/0053)
  bool is_temporary = false;  // of one session; gone with it, and with the server
  std::map<std::string, std::string> comments = {};  // by column; its own under ""
  // Of a table that was declared PostgreSQL's way with its key elsewhere than in front: its columns as they were
  // declared. Empty: they are shown in the schema's order.
  std::vector<std::string> column_order = {};
};

// Where in the schema the columns are that `SELECT *` shows and that an INSERT or COPY without a list of columns fills, in that
// order; the row id is not among them.
std::vector<size_t> shown_columns(const DataSource& source);
// The names of those of `*`: the bounds of a windowed key stand behind it.
std::vector<std::string> names_of_star(const DataSource& source);

enum class QueryKind : uint8_t { CreateAs, InsertInto, SourceTable };
enum class DesiredState : uint8_t { Running, Paused };

// A query that runs until it is dropped, as it was asked for. What it is doing right now is not
// catalog.
struct PersistentQuery {
  std::string id;  // CSAS_X_0, CTAS_X_1, INSERTQUERY_2, CST_X_3
  QueryKind kind = QueryKind::CreateAs;
  std::string sql;
  std::string sink;                  // name of the stream or table it writes; empty for SourceTable
  std::vector<std::string> sources;  // names, in the order of the text
  Properties properties;
  DesiredState state = DesiredState::Running;
  // The id of the query whose place it takes when it has caught up with it (docs/adr/0046); empty: it has its own.
  std::string rebuilds = {};
};

// Copies share what they have in common: the next catalog costs what the statement changes.
// Invariant: sources and queries change by put and erase alone, so that the indexes follow.
class Catalog {
 public:
  using Sources = PersistentMap<std::string, std::shared_ptr<const DataSource>>;
  using Queries = PersistentMap<std::string, std::shared_ptr<const PersistentQuery>>;
  const Sources& sources() const { return sources_; }
  const Queries& queries() const { return queries_; }
  CustomTypes types;
  std::set<std::string> schemas;  // of CREATE SCHEMA; what is in one has its name and a dot before its own
  Properties system_properties;  // ALTER SYSTEM: what holds where a session has set nothing else
  int64_t next_query_number = 0;

  // nullptr when there is none; names are compared exactly.
  const DataSource* find_source(std::string_view name) const;
  const PersistentQuery* find_query(std::string_view id) const;
  // Ids of the queries that read, or write, a source; in order.
  std::vector<std::string> readers_of(std::string_view source) const;
  std::vector<std::string> writers_of(std::string_view source) const;
  // The query that is being built beside the one of this id; nullptr when there is none.
  const PersistentQuery* rebuild_of(std::string_view id) const;

  // One more, or another one in the place of what had its name.
  void put(std::shared_ptr<const DataSource> source);
  void put(std::shared_ptr<const PersistentQuery> query);
  void erase_source(std::string_view name);
  void erase_query(std::string_view id);

 private:
  // (source, query id); the value says nothing.
  using Uses = PersistentMap<std::pair<std::string, std::string>, bool>;

  Sources sources_;
  Queries queries_;
  Uses readers_, writers_;

 public:
  PersistentMap<std::string, SequencePtr> sequences;  // by name; no source has one of their names
};
using CatalogPtr = std::shared_ptr<const Catalog>;

struct TopicDescription {
  std::string name;
  Uuid id;
  int partitions = 1, replicas = 1;
  Properties config = {};  // retention.ms, cleanup.policy, ...
};

// The topics that exist, whoever made them. A port: storage knows them in the server, the runner in
// tests.
class Topics {
 public:
  virtual ~Topics() = default;
  virtual std::optional<TopicDescription> find(std::string_view name) const = 0;
  virtual std::vector<TopicDescription> all() const = 0;  // by name
};

// Settings of the server that decide defaults of statements (DESIGN section 9).
struct EngineSettings {
  bool ksqldb_compat = false;  // `compat = ksqldb`: all of ksqlDB's defaults
  int num_partitions = 4;      // of topics that a statement creates without saying how many
  std::string default_key_format = "KAFKA";
  std::string default_value_format = "JSON";  // empty: VALUE_FORMAT must be given
  std::string output_topic_prefix;
  bool lower_case_topics = true;  // topic named after the source in lower case
};

}  // namespace engine
