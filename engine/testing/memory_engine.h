// An engine that keeps everything in memory and has ksqlDB's settings, for the cases of `millrace
// test`.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/catalog/memory_topics.h"
#include "engine/plan/ddl.h"
#include "engine/plan/query_plan.h"
#include "engine/registry/registrar.h"
#include "engine/testing/case_engine.h"
#include "engine/testing/memory_query.h"

namespace engine {

// Invariants: the clock does not advance; every topic and exchange has one partition, whatever its
// declared number; each query reads only the records that it is fed.
//
// Threads: one.
class MemoryEngine final : public CaseEngine {
 public:
  MemoryEngine(const Properties& properties, size_t cached_entries);
  ~MemoryEngine() override;

  void add_topic(const std::string& name, int partitions, int replicas) override;
  Status add_schema(const std::string& topic, Side side, const CaseSchema& schema) override;
  void add_declared_schemas(const ParsedStatement& create) override;
  Status execute(const ParsedStatement& statement) override;
  std::vector<RawRecord> take_inserted() override;
  std::vector<CaseQuery> queries() const override;
  Status feed(const std::string& query_id, std::span<const RawRecord> records,
              std::vector<RawRecord>& written) override;
  CatalogPtr catalog() const override { return catalog_; }
  const SchemaRegistry& registry() const override { return registry_; }
  std::vector<KnownTopic> topics() const override;

 private:
  struct Planned {
    QueryPlan plan;
    std::unique_ptr<MemoryQuery> running;  // created at the first feed()
  };

  PlanContext plan_context();
  Status run(const ParsedStatement& statement);
  Status register_schema(const std::string& subject, RegisteredSchema schema);
  Status create_source(const CreateSource& create, const ParsedStatement& statement);
  Status add_query(PlannedQuery planned, const ParsedStatement& statement);
  Status insert_values(const InsertValues& insert);
  Status apply(Result<CatalogChange> change);
  Planned* find(const std::string& query_id);

  const size_t cached_entries_;
  const EngineSettings settings_;
  Properties properties_;
  SimulatedClock clock_;
  std::unique_ptr<MemoryTopics> topics_;
  CatalogPtr catalog_;
  SchemaRegistry registry_;
  std::optional<Registrar> registrar_;  // for the current statement
  std::vector<Planned> queries_;        // in the order in which they were created
  std::vector<RawRecord> inserted_;
};

std::unique_ptr<CaseEngine> make_memory_engine(const Properties& properties, size_t cached_entries);

}  // namespace engine
