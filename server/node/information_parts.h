// What the files behind information.h share. Private to them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/value.h"
#include "server/node/information.h"

namespace server {

using InformationRow = std::vector<engine::Value>;  // as many as the schema has columns

engine::ColumnDef text_column(std::string_view name);
engine::ColumnDef number_column(std::string_view name);
engine::ColumnDef flag_column(std::string_view name);

// An empty text is NULL.
engine::Value text_or_null(std::string text);

InformationRows make_rows(engine::Schema schema, const std::vector<InformationRow>& rows);

// "VARCHAR" for STRING: as error messages call it.
std::string shown_type(const engine::SqlType& type);
// "TUMBLING 1 HOURS", "SESSION", "HOPPING 90000 ms".
std::string shown_window(const engine::SourceWindow& window);
std::string shown_duration(int64_t duration_ms);
// "JSON", "DELIMITED with '|'".
std::string shown_format(const engine::FormatSpec& format);
std::string join_list(const std::vector<std::string>& words);
// What a query that no shard speaks of yet is doing.
std::string state_of(const engine::PersistentQuery& query, const QueryStatuses& statuses);

// information_show.cc
engine::Schema show_schema(const engine::Show& show);
Result<InformationRows> answer_show(const engine::Show& show, const InformationContext& context);

// information_describe.cc
engine::Schema describe_schema(const engine::DescribeSource& describe);
engine::Schema describe_schema(const engine::DescribeSources& describe);
engine::Schema describe_schema(const engine::DescribeFunction& describe);
Result<InformationRows> answer_describe(const engine::DescribeSource& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const engine::DescribeSources& describe,
                                        const InformationContext& context);
Result<InformationRows> answer_describe(const engine::DescribeFunction& describe);

// information_explain.cc
engine::Schema explain_schema();
Result<InformationRows> answer_explain(const engine::Explain& explain,
                                       const InformationContext& context);

// information_plan.cc: a plan as an indented tree, one line each.
std::vector<std::string> plan_lines(const engine::QueryPlan& plan);

}  // namespace server
