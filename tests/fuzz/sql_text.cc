// Fuzz target: a script in SQL. It is parsed, and every statement is planned against a small
// catalog; a CREATE or DROP that is right changes the catalog for the statements after it.
#include <cassert>

#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog/memory_topics.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/insert_values.h"
#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "engine/query/select_rows.h"
#include "engine/sql/parse.h"

using namespace engine;

namespace {

constexpr const char* kStart = R"(
  CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(10, 2), made TIMESTAMP, tags ARRAY<VARCHAR>)
    WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 4, VALUE_FORMAT = 'JSON');
  CREATE STREAM notes (k VARCHAR KEY, body STRUCT<a INT, b MAP<VARCHAR, BIGINT>>, raw BYTES, seen DATE)
    WITH (KAFKA_TOPIC = 'notes', PARTITIONS = 4, VALUE_FORMAT = 'JSON');
  CREATE TABLE cities (city VARCHAR PRIMARY KEY, country VARCHAR, people BIGINT, area DOUBLE)
    WITH (KAFKA_TOPIC = 'cities', PARTITIONS = 4, VALUE_FORMAT = 'DELIMITED');
)";

class Planner {
 public:
  explicit Planner(CatalogPtr catalog) : catalog_(std::move(catalog)) {}

  void plan(const ParsedStatement& parsed) {
    assert(parameter_count(parsed) >= 0);
    std::visit([&](const auto& statement) { plan(statement, parsed); }, parsed.statement);
  }
  const CatalogPtr& catalog() const { return catalog_; }

 private:
  PlanContext context() { return {*catalog_, topics_, settings_, properties_, &parameters_}; }

  void plan(const CreateSource& create, const ParsedStatement& parsed) {
    const auto made =
        plan_create_source(create, parsed, *catalog_, topics_, settings_, properties_);
    if (made && made->source) catalog_ = with_source(*catalog_, made->source);
  }
  void plan(const CreateAsSelect& create, const ParsedStatement& parsed) {
    const auto planned = plan_create_as(create, parsed, context());
    if (planned && planned->sink) catalog_ = with_source(*catalog_, planned->sink);
  }
  void plan(const InsertSelect& insert, const ParsedStatement& parsed) {
    (void)plan_insert_select(insert, parsed, context());
  }
  void plan(const InsertValues& insert, const ParsedStatement&) {
    (void)plan_insert_values(insert, context(), {clock_, random_});
  }
  void plan(const Query& query, const ParsedStatement&) {
    if (query.emit == Emit::None && wants_rows_plan(query))
      (void)plan_select_rows(query, context(), {clock_, random_});
    if (!query.from) return (void)plan_constant_query(query, context());
    if (query.emit == Emit::None && check_pull_clauses(query, context()))
      (void)plan_pull_query(query, context(), {clock_, random_});
    (void)plan_push_query(query, context());
  }
  void plan(const DropSource& drop, const ParsedStatement&) {
    take(plan_drop_source(drop, catalog_));
  }
  void plan(const AlterSource& alter, const ParsedStatement&) {
    take(plan_alter_source(alter, catalog_));
  }
  void plan(const CreateType& create, const ParsedStatement&) {
    take(plan_create_type(create, catalog_));
  }
  void plan(const DropType& drop, const ParsedStatement&) { take(plan_drop_type(drop, catalog_)); }
  template <class Other>
  void plan(const Other&, const ParsedStatement&) {}

  void take(Result<CatalogChange> change) {
    if (change) catalog_ = change->catalog;
  }

  CatalogPtr catalog_;
  MemoryTopics topics_;
  EngineSettings settings_;
  Properties properties_;
  std::vector<ParameterSlot> parameters_;
  SimulatedClock clock_{1'700'000'000'000};
  Random random_{0};
};

CatalogPtr starting_catalog() {
  Planner planner(std::make_shared<const Catalog>());
  const auto script = parse_script(kStart);
  for (const ParsedStatement& statement : script.value()) planner.plan(statement);
  assert(planner.catalog()->sources().size() == 3);
  return planner.catalog();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CatalogPtr kCatalog = starting_catalog();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_type(text);
  const auto script = parse_script(text);
  if (!script) {
    assert(!script.error().message.empty());
    return 0;
  }
  Planner planner(kCatalog);
  for (const ParsedStatement& statement : *script) planner.plan(statement);
  return 0;
}
