// From SELECT to stages: continuous queries (CREATE ... AS SELECT, INSERT INTO ... SELECT), push
// queries, and the hidden query that keeps a declared table.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/plan/plan.h"

namespace engine {

struct PlannedQuery {
  QueryPlan plan;
  // CREATE ... AS: the new stream or table. INSERT INTO: the one that is there. Push queries and
  // source tables: none.
  std::shared_ptr<const DataSource> sink;
  std::optional<TopicDescription> new_topic;  // to be made first; its id is not set
  Schema result;                   // columns as rows leave the query, in the order of the SELECT
  std::optional<int64_t> limit;    // of push queries
  std::vector<size_t> op_columns = {};  // of push queries: columns of the result that hold OP, see op_column.h
  // REBUILD: the query beside which it is built, and whose place it takes when it has caught up. Empty for others.
  std::string rebuilds = {};
  bool if_not_exists_hit = false;  // nothing to do: the sink is there already
};

Result<PlannedQuery> plan_create_as(const CreateAsSelect& create, const ParsedStatement& statement,
                                    const PlanContext& context);
Result<PlannedQuery> plan_insert_select(const InsertSelect& insert,
                                        const ParsedStatement& statement,
                                        const PlanContext& context);
// A SELECT ... EMIT CHANGES|FINAL that a client follows: one stage, no exchange, no sink.
Result<PlannedQuery> plan_push_query(const Query& query, const PlanContext& context);
// Reads the table's topic into a store, so that a table that no query made can be asked too.
Result<PlannedQuery> plan_source_table(const DataSource& table, std::string query_id);

}  // namespace engine
