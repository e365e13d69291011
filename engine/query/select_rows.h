// Plans any SELECT over tables as of one moment, and over streams up to their ends, as a tree of steps
// (engine/plan/rows_node.h).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/plan/rows_node.h"
#include "engine/query/pull.h"
#include "engine/types/schema.h"

namespace engine {

struct StreamRows;

struct SelectRowsPlan {
  // The part of each table and stream that the query reads. Tables are read as of one moment.
  // Streams are read up to the ends that they had before this moment. A table that the query names
  // twice has two entries.
  std::vector<std::shared_ptr<const PullPlan>> tables;
  // The plan with which the stream in tables[i] is read; null for a table.
  std::vector<std::shared_ptr<const StreamRows>> streams;
  std::vector<const SystemTable*> system_tables;  // may contain duplicates
  // names of the views that the query reads, including views within views
  std::vector<std::string> views;
  RowsNodePtr root;  // the first columns are those of the result; the others serve only for sorting
  Schema result;
};

// Returns whether the query needs more than a look-up: it has a join, a group, an order, or a
// nested query. The query must not have EMIT.
bool wants_rows_plan(const Query& query);
// Returns whether the first source is a stream. Without EMIT, a query over a stream reads all records that the stream
// holds at present.
bool asks_stream(const Query& query, const PlanContext& context);
// Returns whether plan_select_rows() handles the query. It handles queries that group, join or sort, over tables and
// streams, and any SELECT from a system table. Returns false under --compat ksqldb, because ksqlDB refuses such
// queries.
bool is_general_select(const Query& query, const PlanContext& context);

// Plans the query. Fails as analyse() does. Parameters are as in plan_pull_query().
Result<SelectRowsPlan> plan_select_rows(const Query& query, const PlanContext& context,
                                        const EvalContext& eval);

}  // namespace engine
