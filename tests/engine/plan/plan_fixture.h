// A catalog that grows statement by statement, for tests of the planner.
#pragma once
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/catalog/memory_topics.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/insert_values.h"
#include "engine/sql/parse.h"

namespace engine {

class PlanTest : public testing::Test, public MemoryTopics {
 protected:
  static Result<ParsedStatement> parse(std::string_view sql) {
    std::vector<ParsedStatement> script = TRY(parse_script(sql));
    return std::move(script.front());
  }

  // Plans a CREATE STREAM or TABLE, and adds it to the catalog.
  Result<NewSource> create(std::string_view sql) {
    const ParsedStatement statement = TRY(parse(sql));
    Result<NewSource> planned =
        plan_create_source(std::get<CreateSource>(statement.statement), statement, *catalog_, *this,
                           settings_, session_);
    if (planned && planned->source) catalog_ = with_source(*catalog_, planned->source);
    return planned;
  }
  std::string create_error(std::string_view sql) {
    const Result<NewSource> planned = create(sql);
    return planned ? "no error" : planned.error().message;
  }
  const DataSource& source(std::string_view name) { return *catalog_->find_source(name); }

  Result<CatalogChange> change(std::string_view sql) {
    const ParsedStatement parsed = TRY(parse(sql));
    Result<CatalogChange> planned = plan_change(parsed.statement);
    if (planned) catalog_ = planned->catalog;
    return planned;
  }
  std::string change_error(std::string_view sql) {
    const Result<CatalogChange> planned = change(sql);
    return planned ? "no error" : planned.error().message;
  }

  Result<InsertBatch> insert(std::string_view sql) {
    const ParsedStatement parsed = TRY(parse(sql));
    return plan_insert_values(
        std::get<InsertValues>(parsed.statement),
        {.catalog = *catalog_, .topics = *this, .settings = settings_, .properties = session_},
        {clock_, random_});
  }
  std::string insert_error(std::string_view sql) {
    const Result<InsertBatch> batch = insert(sql);
    return batch ? "no error" : batch.error().message;
  }

  // Adds a query as if a CREATE ... AS had created `sink` from the sources.
  void add_query(const std::string& id, const std::string& sink, std::vector<std::string> sources) {
    PersistentQuery query;
    query.id = id;
    query.sink = sink;
    query.sources = std::move(sources);
    catalog_ = with_query(*catalog_, std::make_shared<const PersistentQuery>(query));
    DataSource made = source(sink);
    made.created_by = id;
    catalog_ = with_source(*catalog_, std::make_shared<const DataSource>(made));
  }

  CatalogPtr catalog_ = std::make_shared<const Catalog>();
  EngineSettings settings_;
  Properties session_;
  SimulatedClock clock_{1234};
  Random random_{0};

 private:
  Result<CatalogChange> plan_change(const Statement& statement) {
    if (const auto* drop = std::get_if<DropSource>(&statement))
      return plan_drop_source(*drop, catalog_);
    if (const auto* alter = std::get_if<AlterSource>(&statement))
      return plan_alter_source(*alter, catalog_);
    if (const auto* type = std::get_if<CreateType>(&statement))
      return plan_create_type(*type, catalog_);
    if (const auto* type = std::get_if<DropType>(&statement))
      return plan_drop_type(*type, catalog_);
    return plan_control_query(std::get<ControlQuery>(statement), catalog_);
  }
};

}  // namespace engine
