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
  // CREATE ... AS: the new stream or table. INSERT INTO: the existing one. Null for push queries and source tables.
  std::shared_ptr<const DataSource> sink;
  std::optional<TopicDescription> new_topic;  // to be created first; its id is not set
  Schema result;                   // columns as rows leave the query, in the order of the SELECT
  std::optional<int64_t> limit;    // push queries
  std::vector<size_t> op_columns = {};  // push queries: result columns that hold OP, see op_column.h
  // REBUILD: the query that this one is built beside, and that it replaces once it has caught up. Otherwise empty.
  std::string rebuilds = {};
  bool if_not_exists_hit = false;  // the sink exists, so no action is needed
};

Result<PlannedQuery> plan_create_as(const CreateAsSelect& create, const ParsedStatement& statement,
                                    const PlanContext& context);
Result<PlannedQuery> plan_insert_select(const InsertSelect& insert,
                                        const ParsedStatement& statement,
                                        const PlanContext& context);
// A SELECT ... EMIT CHANGES|FINAL that a client follows: one stage, no exchange, no sink.
Result<PlannedQuery> plan_push_query(const Query& query, const PlanContext& context);
// Plans to read the table's topic into a store, so that pull queries can read a table that no query made.
Result<PlannedQuery> plan_source_table(const DataSource& table, std::string query_id);

}  // namespace engine
