// The interface of an engine for the test runner. A new object has no topics and no sources.
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

// A record whose key and value are bytes, as a broker stores them.
struct RawRecord {
  std::string topic;
  std::optional<std::string> key, value;
  int64_t timestamp = 0;
  std::vector<CaseHeader> headers;
};

// The format of the records of a topic.
struct TopicFormat {
  FormatSpec key_format, value_format;
  std::vector<ColumnDef> key_columns = {}, value_columns = {};  // without HEADERS columns
  std::optional<SourceWindow> window = {};
};

// A topic that statements or queries have created, or that existed before them.
struct KnownTopic {
  std::string name;
  int partitions = 1;
  std::optional<TopicFormat> format = {};  // not set: the format is unknown
};

struct CaseQuery {
  std::string id;
  std::vector<std::string> source_topics;  // in the order of the query's text, each once
};

class CaseEngine {
 public:
  virtual ~CaseEngine() = default;

  // Creates a topic. Called before the first statement. Also called if a statement needs a topic
  // that must exist as if another program had created it.
  virtual void add_topic(const std::string& name, int partitions, int replicas) = 0;
  // Registers a schema of the case for a topic, before the first statement.
  virtual Status add_schema(const std::string& topic, Side side, const CaseSchema& schema) = 0;
  // Registers the schemas of a CREATE before the CREATE itself is executed. The cases expect the
  // ids that the schemas get in this order.
  virtual void add_declared_schemas(const ParsedStatement& create) = 0;
  virtual Status execute(const ParsedStatement& statement) = 0;
  // Returns the records that INSERT ... VALUES wrote since the last call, in order.
  virtual std::vector<RawRecord> take_inserted() = 0;

  // Returns the persistent queries after all statements, in the order of their creation.
  virtual std::vector<CaseQuery> queries() const = 0;
  // Lets a query process these records in this order, with all consequences. Consecutive records of
  // the same topic form a batch. Appends to `written` the records that the query has written to its
  // sink, in order.
  virtual Status feed(const std::string& query_id, std::span<const RawRecord> records,
                      std::vector<RawRecord>& written) = 0;

  virtual CatalogPtr catalog() const = 0;
  virtual const SchemaRegistry& registry() const = 0;
  // Returns the topics of sources and sinks, and the internal topics of queries.
  virtual std::vector<KnownTopic> topics() const = 0;
};

// Makes an engine. The settings in `properties` apply to all statements. Between two steps, about
// `cached_entries` entries of each store stay in memory; the others are read again from the
// checkpoint.
using MakeCaseEngine =
    std::function<std::unique_ptr<CaseEngine>(const Properties& properties, size_t cached_entries)>;

}  // namespace engine
