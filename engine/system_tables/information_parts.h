// Functions shared by the files that implement information.h. Private to these files.
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

// Returns NULL if the text is empty.
Value text_or_null(std::string text);

InformationRows make_rows(Schema schema, const std::vector<InformationRow>& rows);

// Returns the name for error messages, for example "VARCHAR" for STRING.
std::string shown_type(const SqlType& type);
// Returns a text such as "TUMBLING 1 HOURS", "SESSION" or "HOPPING 90000 ms".
std::string shown_window(const SourceWindow& window);
std::string shown_duration(int64_t duration_ms);
// Returns a text such as "JSON", "DELIMITED with '|'" or "AVRO in schema 7".
std::string shown_format(const FormatSpec& format);
std::string join_list(const std::vector<std::string>& words);
// Returns the state of a query, even if no shard has reported it yet.
std::string state_of(const PersistentQuery& query, const QueryStatuses& statuses);

// Returns whether the reader may see the topic. Rows about the topic in lists, and rows about
// queries and groups that use it, are shown only in this case.
bool may_see_topic(const std::string& topic, const InformationContext& context);
// Returns whether the reader may see the stream or table: a right on its topic is enough.
inline bool may_see_source(const DataSource& source, const InformationContext& context) {
  return may_see_topic(source.topic, context);
}
// Returns whether the reader may see the query. This depends on the stream or table that the query
// writes. If it writes none, the reader must be allowed to see everything that the query reads.
bool may_see_query(const PersistentQuery& query, const InformationContext& context);

// The following functions are defined in show.cc.
Schema show_schema(const Show& show);
Result<InformationRows> answer_show(const Show& show, const InformationContext& context);

// The following functions are defined in show_running.cc.
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

// The following functions are defined in describe.cc.
Schema describe_schema(const DescribeSource& describe);
Schema describe_schema(const DescribeSources& describe);
Schema describe_schema(const DescribeFunction& describe);
Result<InformationRows> answer_describe(const DescribeSource& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const DescribeSources& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const DescribeFunction& describe);

// The following functions are defined in explain.cc.
Schema explain_schema();
Result<InformationRows> answer_explain(const Explain& explain, const InformationContext& context);

// plan_lines.cc: a plan as an indented tree, one line per step.
std::vector<std::string> plan_lines(const QueryPlan& plan);
// Returns the text of one step of a stage.
std::string step_line(const QueryPlan& plan, const StagePlan& stage, const PlanNode& node);

// plan_topology.cc: the processors in the notation of Kafka Streams, which ksqlDB's EXPLAIN shows, and a picture of
// them in Graphviz's language.
std::vector<std::string> topology_lines(const QueryPlan& plan);
std::vector<std::string> dot_lines(const QueryPlan& plan);

}  // namespace engine
