// What the test runner asks of an engine. One object is one empty world: no topics, no
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

// How the records of a topic are written.
struct TopicFormat {
  FormatSpec key_format, value_format;
  std::vector<ColumnDef> key_columns = {}, value_columns = {};  // without HEADERS columns
  std::optional<SourceWindow> window = {};
};

// A topic that statements or queries brought about, or that was there before.
struct KnownTopic {
  std::string name;
  int partitions = 1;
  std::optional<TopicFormat> format = {};  // none: the engine knows nothing of its records
};

struct CaseQuery {
  std::string id;
  std::vector<std::string> source_topics;  // in the order of the query's text, each once
};

class CaseEngine {
 public:
  virtual ~CaseEngine() = default;

  // Before the first statement, or when a statement's topic is to exist as if somebody had made it.
  virtual void add_topic(const std::string& name, int partitions, int replicas) = 0;
  // Registers what a case says of a topic's schema, before the first statement.
  virtual Status add_schema(const std::string& topic, Side side, const CaseSchema& schema) = 0;
  // The schemas that a CREATE will register, so that they have the ids which cases know them by.
  virtual void add_declared_schemas(const ParsedStatement& create) = 0;
  virtual Status execute(const ParsedStatement& statement) = 0;
  // What INSERT ... VALUES wrote since the last call, in order.
  virtual std::vector<RawRecord> take_inserted() = 0;

  // The persistent queries as they stand after all statements, in the order in which they were
  // made.
  virtual std::vector<CaseQuery> queries() const = 0;
  // Lets a query process these records, in this order and with all that they cause, as one batch.
  // Appends to `written` what it wrote to its sink and to topics that `captured` names, in order.
  virtual Status feed(const std::string& query_id, std::span<const RawRecord> records,
                      std::vector<RawRecord>& written) = 0;

  virtual CatalogPtr catalog() const = 0;
  virtual const SchemaRegistry& registry() const = 0;
  // Topics of sources and sinks, and the queries' internal ones.
  virtual std::vector<KnownTopic> topics() const = 0;
};

// Statement-level settings come with the engine's construction: they hold for all statements. Of each store
// about `cached_entries` stay in memory between two steps, the rest is read again from where it was stored.
using MakeCaseEngine =
    std::function<std::unique_ptr<CaseEngine>(const Properties& properties, size_t cached_entries)>;

}  // namespace engine
