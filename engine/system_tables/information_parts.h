// Helpers shared by the implementation of information.h. Private to it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/select_rows.h"
#include "engine/system_tables/information.h"
#include "engine/types/value.h"

namespace engine {

using InformationRow = std::vector<Value>;  // one value for each column of the schema

ColumnDef text_column(std::string_view name);
ColumnDef number_column(std::string_view name);
ColumnDef flag_column(std::string_view name);

// An empty text is NULL.
Value text_or_null(std::string text);

InformationRows make_rows(Schema schema, const std::vector<InformationRow>& rows);

// The name in error messages: "VARCHAR" for STRING.
std::string shown_type(const SqlType& type);
// "TUMBLING 1 HOURS", "SESSION", "HOPPING 90000 ms".
std::string shown_window(const SourceWindow& window);
std::string shown_duration(int64_t duration_ms);
// "JSON", "DELIMITED with '|'", "AVRO in schema 7".
std::string shown_format(const FormatSpec& format);
std::string join_list(const std::vector<std::string>& words);
// The state of a query, also before a shard has reported it.
std::string state_of(const PersistentQuery& query, const QueryStatuses& statuses);

// show.cc
Schema show_schema(const Show& show);
Result<InformationRows> answer_show(const Show& show, const InformationContext& context);

// show_running.cc
Schema queries_schema(bool extended);
Schema tasks_schema();
Schema server_schema();
Schema cluster_schema();
Schema consumer_groups_schema();
Schema consumer_lag_schema();
std::vector<InformationRow> query_rows(bool extended, const InformationContext& context);
std::vector<InformationRow> task_rows(const InformationContext& context);
std::vector<InformationRow> server_rows(const InformationContext& context);
std::vector<InformationRow> cluster_rows(const InformationContext& context);
std::vector<InformationRow> consumer_group_rows(const InformationContext& context);
std::vector<InformationRow> consumer_lag_rows(const std::optional<Name>& group,
                                              const InformationContext& context);

// describe.cc
Schema describe_schema(const DescribeSource& describe);
Schema describe_schema(const DescribeSources& describe);
Schema describe_schema(const DescribeFunction& describe);
Result<InformationRows> answer_describe(const DescribeSource& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const DescribeSources& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const DescribeFunction& describe);

// explain.cc
Schema explain_schema();
Result<InformationRows> answer_explain(const Explain& explain, const InformationContext& context);

// plan_lines.cc: a plan as an indented tree, one line each.
std::vector<std::string> plan_lines(const QueryPlan& plan);
// One step of a stage, as text.
std::string step_line(const QueryPlan& plan, const StagePlan& stage, const PlanNode& node);

// plan_topology.cc: the processors in the notation of Kafka Streams, which ksqlDB's EXPLAIN shows; and the same as a
// picture in Graphviz's language.
std::vector<std::string> topology_lines(const QueryPlan& plan);
std::vector<std::string> dot_lines(const QueryPlan& plan);

}  // namespace engine
