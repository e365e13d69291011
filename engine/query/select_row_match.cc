#include "engine/query/select_row_match.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/query/select_outer_rows.h"
#include "engine/query/select_windows.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/row_match.h"

namespace engine {

namespace {

// Returns whether the query returns exactly the rows of FROM for which WHERE is true.
bool is_plain(const Query& query) {
  return query.from && !query.combined && query.values.empty() && query.with.empty() &&
         query.group_by.empty() && query.grouping_sets.empty() && !query.having &&
         query.distinct_on.empty() && !query.limit && !query.offset && !query.window &&
         !has_aggregate(query) && !has_windows(query) &&
         std::ranges::all_of(query.items, [](const SelectItem& item) {
           return item.kind == SelectItemKind::Expression;
         });
}

}  // namespace

std::optional<Subquery> with_values_compared_within(const Subquery& subquery,
                                                    const SelectNames& around) {
  const Query& match = *subquery.query;
  const bool is_match = subquery.kind == SubqueryKind::Exists && match.from && match.from->query &&
                        match.from->name.text == kRowMatch;
  if (!is_match) return std::nullopt;
  const Query& rows = *match.from->query;
  const std::vector<Name>& columns = match.from->columns;
  if (!is_plain(rows) || rows.items.size() != columns.size()) return std::nullopt;
  std::set<std::string> sources{rows.from->visible_name().text};
  for (const Join& join : rows.joins) sources.insert(join.source.visible_name().text);
  // whether the names of the outer query have the same meaning in the sub-query
  bool is_clear = true;
  const auto visit = [&](ExpressionPtr& each) -> Status {
    const auto* column = each->as<ColumnRef>();
    if (!column) return {};
    if (column->source && column->source->text == kRowMatch) {
      const auto at = std::ranges::find(columns, column->name) - columns.begin();
      each = clone(*rows.items[static_cast<size_t>(at)].expression);
      return {};
    }
    auto written_out = around.canonical(*each, "WHERE");
    const auto* named = written_out ? (*written_out)->as<ColumnRef>() : nullptr;
    is_clear = is_clear && named && named->source && !sources.contains(named->source->text);
    if (is_clear) each = *std::move(written_out);
    return {};
  };
  ExpressionPtr same = clone(*match.where);
  const Status rewritten = rewrite_expression(same, visit, RewriteOrder::ChildrenFirst);
  if (!rewritten || !is_clear) return std::nullopt;
  Query query = clone(rows);
  query.items.clear();
  query.items.push_back({SelectItemKind::Expression,
                         make_expression(IntegerLiteral{1}, match.position), std::nullopt,
                         std::nullopt, match.position});
  query.order_by.clear();
  query.distinct = false;
  query.where = query.where ? make_expression(
                                  Logical{LogicalOp::And, std::move(query.where), std::move(same)},
                                  match.position)
                            : std::move(same);
  return Subquery{SubqueryKind::Exists, nullptr, std::make_shared<const Query>(std::move(query)),
                  subquery.negated, subquery.op};
}

}  // namespace engine
