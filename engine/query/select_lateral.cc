#include "engine/query/select_lateral.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/query/select_outer_rows.h"
#include "engine/query/select_subqueries.h"

namespace engine {

namespace {

// Converts VALUES with one row to a SELECT without FROM.
std::shared_ptr<const Query> as_select(const std::shared_ptr<const Query>& query) {
  if (query->values.size() != 1) return query;
  Query select;
  select.position = query->position;
  for (const ExpressionPtr& value : query->values.front())
    select.items.push_back({SelectItemKind::Expression, clone(*value),
                            Name{fmt::format("COLUMN{}", select.items.size() + 1)}, std::nullopt,
                            value->position});
  return std::make_shared<const Query>(std::move(select));
}

}  // namespace

Result<std::optional<PlannedLateral>> plan_lateral(const AliasedSource& named,
                                                   const std::vector<SelectSource>& before,
                                                   RowsPlanning& planning) {
  const SelectNames names = TRY(SelectNames::of(Query(), before, planning.context()));
  const size_t tables = planning.table_count();
  auto found = bring_outer_rows_in(*as_select(named.query), OuterUse::Lateral, names, planning);
  planning.drop_tables_from(tables);
  if (!found) return found.error();
  if (!*found) return std::optional<PlannedLateral>();
  SubqueryWithOuterRows& outer = **found;
  const size_t keys = outer.columns.size();
  PlannedLateral made{{{}, nullptr}, {outer.number, {}, nullptr}};
  PlannedRows rows = TRY(planning.plan(outer.query));
  rows = cut_by_keys(std::move(rows), keys, outer.limits);
  const Scope scope = names.scope(names.layout(), "LATERAL");
  for (const ExpressionPtr& column : outer.columns)
    made.lateral.keys.push_back(TRY(bind_value(*column, scope)));
  if (const auto none = TRY(of_no_rows(*named.query, outer)))
    made.lateral.otherwise = TRY(planning.plan(*none)).root;
  Schema shown = std::move(rows.result);
  shown.columns.erase(shown.columns.begin(), shown.columns.begin() + static_cast<ptrdiff_t>(keys));
  made.planned = {TRY(query_source(named, named.visible_name().text, named.columns, shown)),
                  std::move(rows.root)};
  return std::optional(std::move(made));
}

}  // namespace engine
