// The fixture for tests of continuous queries, from their SQL to their output.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tests/engine/exec/query_run.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {

// Returns options with which every change produces exactly one output, so that the sizes of batches
// do not affect it.
inline TaskOptions exact(size_t max_rows_per_step = 4096) {
  TaskOptions options;
  options.merge_updates = false;
  options.max_rows_per_step = max_rows_per_step;
  return options;
}

class QueryTest : public PlanTest {
 protected:
  QueryTest() { settings_.num_partitions = 1; }

  // Plans the CREATE ... AS SELECT over the sources. Each topic has settings_.num_partitions
  // partitions.
  std::unique_ptr<QueryRun> query(const std::vector<std::string>& sources, const std::string& sql,
                                  TaskOptions options = exact()) {
    catalog_ = std::make_shared<const Catalog>();
    for (const std::string& source : sources) {
      const auto created = create(source);
      EXPECT_TRUE(created) << created.error().message;
    }
    auto planned = plan(sql);
    EXPECT_TRUE(planned) << planned.error().message;
    auto run = std::make_unique<QueryRun>(*std::move(planned), settings_.num_partitions, options);
    run->start();
    return run;
  }

  // The query that materializes a declared table.
  std::unique_ptr<QueryRun> table(const std::string& sql) {
    catalog_ = std::make_shared<const Catalog>();
    const auto created = create(sql);
    EXPECT_TRUE(created) << created.error().message;
    auto planned = plan_source_table(*created->source, "CST_1");
    EXPECT_TRUE(planned) << planned.error().message;
    auto run = std::make_unique<QueryRun>(*std::move(planned), settings_.num_partitions, exact());
    run->start();
    return run;
  }

  Result<PlannedQuery> plan(const std::string& sql) {
    const ParsedStatement statement = TRY(parse(sql));
    const PlanContext context{*catalog_, *this, settings_, session_};
    if (const auto* select = std::get_if<Query>(&statement.statement))
      return plan_push_query(*select, context);
    return plan_create_as(std::get<CreateAsSelect>(statement.statement), statement, context);
  }
};

}  // namespace engine
