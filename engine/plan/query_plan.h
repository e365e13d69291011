// Plans SELECTs into stages: continuous queries (CREATE ... AS SELECT, INSERT INTO ... SELECT), push queries, and the
// hidden query that stores a declared table.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/plan/plan.h"

namespace engine {

struct PlannedQuery {
  QueryPlan plan;
  // For CREATE ... AS: the new stream or table. For INSERT INTO: the existing one. Null for push queries and source
  // tables.
  std::shared_ptr<const DataSource> sink;
  std::optional<TopicDescription> new_topic;  // must be created before the sink; its id is not set
  Schema result;                              // columns of the result, in the order of the SELECT
  std::optional<int64_t> limit;               // only for push queries
  std::vector<size_t> op_columns = {};        // push queries: columns that hold OP (op_column.h)
  // Set for REBUILD: the id of the running query that this query will replace. This query is built
  // while the other one runs, and replaces it when it has caught up.
  std::string rebuilds = {};
  bool if_not_exists_hit = false;  // the sink exists, so no action is needed
  std::vector<std::string> notices = {};
};

Result<PlannedQuery> plan_create_as(const CreateAsSelect& create, const ParsedStatement& statement,
                                    const PlanContext& context);
Result<PlannedQuery> plan_insert_select(const InsertSelect& insert,
                                        const ParsedStatement& statement,
                                        const PlanContext& context);
// Plans a SELECT ... EMIT CHANGES|FINAL that a client follows. The plan has one stage, no exchange and no sink.
Result<PlannedQuery> plan_push_query(const Query& query, const PlanContext& context);
// Plans a query that reads the table's topic into a store, so that pull queries can read a table that no query
// writes.
Result<PlannedQuery> plan_source_table(const DataSource& table, std::string query_id);

}  // namespace engine
