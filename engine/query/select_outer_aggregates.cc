#include "engine/query/select_outer_aggregates.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/plan/analysis.h"
#include "engine/query/select_outer_rows.h"
#include "engine/sql/result_name.h"
#include "engine/sql/rewrite.h"

namespace engine {

namespace {

// Lists the columns outside of aggregates. Returns false if the expression contains a query.
bool list_beside_aggregates(const Expression& expression, std::vector<const ColumnRef*>& columns) {
  if (is_aggregate_call(expression)) return true;
  if (expression.is<Subquery>()) return false;
  if (const auto* column = expression.as<ColumnRef>()) columns.push_back(column);
  return std::ranges::all_of(children(expression), [&](const Expression* child) {
    return list_beside_aggregates(*child, columns);
  });
}

// Returns whether all columns outside of aggregates belong to the outer query.
bool is_beside_outer_row(const Query& query, const std::vector<const Expression*>& parts) {
  std::vector<const ColumnRef*> columns;
  for (const Expression* part : parts)
    if (!list_beside_aggregates(*part, columns)) return false;
  const auto is_own = [&](const AliasedSource& named, const ColumnRef& column) {
    return named.visible_name() == *column.source;
  };
  return !columns.empty() && std::ranges::all_of(columns, [&](const ColumnRef* column) {
    return column->source && !is_own(*query.from, *column) &&
           std::ranges::none_of(query.joins,
                                [&](const Join& join) { return is_own(join.source, *column); });
  });
}

// Returns the sub-query as an expression with one sub-query for each aggregate; null if it does not have the form
// that permits this.
ExpressionPtr taken_out(const Subquery& subquery, TextPosition position) {
  const Query& query = *subquery.query;
  const bool is_exists = subquery.kind == SubqueryKind::Exists;
  if (subquery.kind == SubqueryKind::In || (is_exists && !query.having)) return nullptr;
  if (!query.from || query.combined || !query.with.empty() || query.limit || query.offset ||
      !is_one_group(query))
    return nullptr;
  if (!is_exists && (query.items.size() != 1 || !query.items.front().expression)) return nullptr;
  std::vector<const Expression*> parts;
  if (!is_exists) parts.push_back(query.items.front().expression.get());
  if (query.having) parts.push_back(query.having.get());
  if (!is_beside_outer_row(query, parts)) return nullptr;
  ExpressionPtr value = is_exists ? make_expression(BooleanLiteral{true}, position)
                                  : clone(*query.items.front().expression);
  if (query.having) {
    Case choice;
    choice.branches.push_back({clone(*query.having), std::move(value)});
    if (is_exists) choice.otherwise = make_expression(BooleanLiteral{false}, position);
    value = make_expression(std::move(choice), position);
  }
  const auto look_up = [&](ExpressionPtr& each) -> Status {
    if (!is_aggregate_call(*each)) return {};
    Query one = clone(query);
    one.having = nullptr;
    one.order_by.clear();
    one.items.clear();
    const TextPosition at = each->position;
    one.items.push_back(
        {SelectItemKind::Expression, std::move(each), std::nullopt, std::nullopt, at});
    each = make_expression(
        Subquery{SubqueryKind::Scalar, nullptr, std::make_shared<const Query>(std::move(one))}, at);
    return {};
  };
  if (!rewrite_expression(value, look_up, RewriteOrder::ParentsFirst)) return nullptr;
  return value;
}

bool has_one(const Expression& expression) {
  const auto* subquery = expression.as<Subquery>();
  if (subquery && taken_out(*subquery, expression.position)) return true;
  return std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_one(*child); });
}

// Calls `visit` with each expression of the query, except the expressions in its sources.
template <class AnyQuery, class Visit>
void for_each_expression(AnyQuery& query, const Visit& visit) {
  const auto look = [&](auto& expression) {
    if (expression) visit(expression);
  };
  for (auto& item : query.items) look(item.expression);
  for (auto& join : query.joins) look(join.on);
  look(query.where);
  for (auto& each : query.group_by) look(each);
  look(query.having);
  for (auto& each : query.distinct_on) look(each);
  for (auto& each : query.order_by) look(each.expression);
}

}  // namespace

std::optional<Query> with_aggregates_taken_out(const Query& query) {
  bool is_there = false;
  for_each_expression(query,
                      [&](const ExpressionPtr& each) { is_there = is_there || has_one(*each); });
  if (!is_there) return std::nullopt;
  Query made = clone(query);
  for (SelectItem& item : made.items)
    if (item.expression && !item.alias && has_one(*item.expression))
      item.alias = Name{result_name(*item.expression)};
  const auto visit = [](ExpressionPtr& each) -> Status {
    const auto* subquery = each->as<Subquery>();
    if (!subquery) return {};
    if (ExpressionPtr taken = taken_out(*subquery, each->position)) each = std::move(taken);
    return {};
  };
  bool is_rewritten = true;
  for_each_expression(made, [&](ExpressionPtr& each) {
    is_rewritten = rewrite_expression(each, visit, RewriteOrder::ParentsFirst) && is_rewritten;
  });
  if (!is_rewritten) return std::nullopt;
  return made;
}

}  // namespace engine
