#include "server/sql/follow/follow_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/expr/bound.h"
#include "engine/query/rows_planning.h"
#include "engine/sql/records_source.h"
#include "engine/system_tables/system_catalog.h"
#include "engine/system_tables/topic_records.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

// Returns the system table of a source, which may be a call of RECORDS; null for other sources.
const engine::SystemTable* followed_table(const engine::AliasedSource& source,
                                          const engine::PlanContext& context) {
  if (engine::is_records_call(source)) return &engine::records_table();
  return engine::find_system_table(source, context);
}

std::string shown_name(const engine::SystemTable& table) {
  if (engine::is_records_table(table)) return "RECORDS";
  return engine::lower_case(table.schema) + '.' + engine::lower_case(table.name);
}

// Returns the node below `node` that is neither a filter nor a computation of columns. Each row of `node` is one row of
// this node, in the same order. `columns` has the index of a column of `node` in each element. The function replaces it
// by the index of this column in the returned node, or by nothing if the column is computed.
const engine::RowsNode* origin_of(const engine::RowsNode* node,
                                  std::vector<std::optional<size_t>>& columns) {
  for (;;) {
    if (const auto* filter = std::get_if<engine::FilterRows>(&node->step)) {
      node = filter->input.get();
    } else if (const auto* computed = std::get_if<engine::ComputeColumns>(&node->step)) {
      for (std::optional<size_t>& column : columns)
        if (column) column = engine::as_column(computed->columns[*column]);
      node = computed->input.get();
    } else {
      return node;
    }
  }
}

Result<std::optional<uint64_t>> limit_of(const engine::Query& query) {
  if (!query.limit) return std::optional<uint64_t>();
  int64_t most = -1;
  if (const auto* number = query.limit->as<engine::IntegerLiteral>()) most = number->value;
  if (const auto* number = query.limit->as<engine::BigintLiteral>()) most = number->value;
  if (most >= 0) return std::optional<uint64_t>(static_cast<uint64_t>(most));
  return Error{ErrorCode::NotSupported,
               "LIMIT of a query that follows a catalog table is a whole number",
               {},
               "Write the number in the text of the statement."}
      .at(query.limit->position);
}

}  // namespace

bool follows_system_table(const engine::Query& query, const engine::PlanContext& context) {
  return query.emit != engine::Emit::None && !context.settings.ksqldb_compat && query.from &&
         followed_table(*query.from, context) != nullptr;
}

Result<FollowedSelect> plan_follow(const engine::Query& query, const engine::PlanContext& context,
                                   const engine::EvalContext& eval) {
  const engine::SystemTable& table = *followed_table(*query.from, context);
  const auto key = engine::followed_key(table);
  const bool is_records = engine::is_records_table(table);
  if (key.empty() && !is_records)
    return Error{ErrorCode::NotSupported,
                 fmt::format("the changes of {} cannot be followed", shown_name(table)),
                 {},
                 "Leave out EMIT CHANGES, and repeat the query. The tables of millrace_catalog can "
                 "be followed."}
        .at(query.from->position);
  if (query.emit == engine::Emit::Final)
    return Error{ErrorCode::NotSupported,
                 "EMIT FINAL needs a window, and a catalog table has none",
                 {},
                 "Use EMIT CHANGES."}
        .at(query.position);
  FollowedSelect follow;
  follow.most = TRY(limit_of(query));
  engine::Query rows = clone(query);
  rows.emit = engine::Emit::None;
  rows.limit = nullptr;
  follow.rows = std::make_shared<const engine::SelectRowsPlan>(
      TRY(engine::plan_select_rows(rows, context, eval)));
  std::vector<std::optional<size_t>> columns(follow.rows->result.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) columns[i] = i;
  const engine::RowsNode* origin = origin_of(follow.rows->root.get(), columns);
  if (!std::holds_alternative<engine::ReadSystemTable>(origin->step) ||
      follow.rows->system_tables.size() != 1)
    return Error{ErrorCode::NotSupported,
                 fmt::format("a query that follows {} may only filter its rows and compute columns",
                             shown_name(table)),
                 "Joins, sub-queries, groups, DISTINCT and ORDER BY need all rows at once.",
                 "Leave out EMIT CHANGES, or follow the table and combine the rows in the client."}
        .at(query.position);
  for (const std::string_view name : key) {
    const auto place = static_cast<size_t>(table.columns.index_of(name));
    const auto found = std::ranges::find(columns, std::optional<size_t>(place));
    if (found == columns.end())
      return Error{
          ErrorCode::NotSupported,
          fmt::format("a query that follows {} needs its column {}, which identifies the rows",
                      shown_name(table), engine::lower_case(name)),
          {},
          fmt::format("Add {} to the SELECT list.", engine::lower_case(name))}
          .at(query.position);
    follow.key.push_back(static_cast<size_t>(found - columns.begin()));
  }
  return follow;
}

}  // namespace server
