// The interface of an engine for the test runner. One object is one empty world: no topics, no
// sources.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/formats/format.h"
#include "engine/registry/registry.h"
#include "engine/sql/ast.h"
#include "engine/testing/test_case.h"

namespace engine {

// A record as bytes.
struct RawRecord {
  std::string topic;
  std::optional<std::string> key, value;
  int64_t timestamp = 0;
  std::vector<CaseHeader> headers;
};

// The format of a topic's records.
struct TopicFormat {
  FormatSpec key_format, value_format;
  std::vector<ColumnDef> key_columns = {}, value_columns = {};  // without HEADERS columns
  std::optional<SourceWindow> window = {};
};

// A topic that statements or queries have created, or that existed before.
struct KnownTopic {
  std::string name;
  int partitions = 1;
  std::optional<TopicFormat> format = {};  // none: the format of its records is unknown
};

struct CaseQuery {
  std::string id;
  std::vector<std::string> source_topics;  // in the order of the query's text, each once
};

class CaseEngine {
 public:
  virtual ~CaseEngine() = default;

  // Called before the first statement, or if the topic of a statement must exist as if another
  // program had created it.
  virtual void add_topic(const std::string& name, int partitions, int replicas) = 0;
  // Registers a schema of the case for a topic, before the first statement.
  virtual Status add_schema(const std::string& topic, Side side, const CaseSchema& schema) = 0;
  // Registers the schemas that a CREATE will register, so that they get the ids that the cases
  // expect.
  virtual void add_declared_schemas(const ParsedStatement& create) = 0;
  virtual Status execute(const ParsedStatement& statement) = 0;
  // The records that INSERT ... VALUES wrote since the last call, in order.
  virtual std::vector<RawRecord> take_inserted() = 0;

  // The persistent queries after all statements, in the order of their creation.
  virtual std::vector<CaseQuery> queries() const = 0;
  // Lets a query process these records, in this order and with all their consequences, as one
  // batch. Appends to `written` the records that it wrote to its sink and to topics named in
  // `captured`, in order.
  virtual Status feed(const std::string& query_id, std::span<const RawRecord> records,
                      std::vector<RawRecord>& written) = 0;

  virtual CatalogPtr catalog() const = 0;
  virtual const SchemaRegistry& registry() const = 0;
  // Topics of sources and sinks, and the queries' internal ones.
  virtual std::vector<KnownTopic> topics() const = 0;
};

// Statement-level settings are passed at construction: they apply to all statements. About `cached_entries` entries of
// each store stay in memory between two steps; the others are read again from storage.
using MakeCaseEngine =
    std::function<std::unique_ptr<CaseEngine>(const Properties& properties, size_t cached_entries)>;

}  // namespace engine
