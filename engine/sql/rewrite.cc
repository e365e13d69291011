#include "engine/sql/rewrite.h"

#include <memory>
#include <utility>

#include "engine/sql/result_name.h"

namespace engine {

namespace {

// Rewrites a copy of the query, because copies of a syntax tree share their queries.
Status rewrite_shared(std::shared_ptr<const Query>& query, const RewriteVisitor& visit,
                      RewriteOrder order) {
  if (!query) return {};
  Query own = clone(*query);
  TRY(rewrite_expressions(own, visit, order));
  query = std::make_shared<const Query>(std::move(own));
  return {};
}

Status rewrite_list(ExpressionList& list, const RewriteVisitor& visit, RewriteOrder order) {
  for (ExpressionPtr& each : list) TRY(rewrite_expression(each, visit, order));
  return {};
}

Status rewrite_one(ExpressionPtr& expression, const RewriteVisitor& visit, RewriteOrder order) {
  return expression ? rewrite_expression(expression, visit, order) : Status();
}

// Rewrites an item. A column without an alias keeps the name that it had before. An exception is an
// item that becomes a call of UNNEST: it gets no alias, because the code that moves the call to
// FROM names its column.
Status rewrite_item(SelectItem& item, const RewriteVisitor& visit, RewriteOrder order) {
  if (!item.expression || item.alias) return rewrite_one(item.expression, visit, order);
  std::string name = result_name(*item.expression);
  TRY(rewrite_expression(item.expression, visit, order));
  const auto* call = item.expression->as<FunctionCall>();
  const bool gives_rows = call && call->name == "UNNEST";
  if (!gives_rows && item.kind == SelectItemKind::Expression &&
      result_name(*item.expression) != name)
    item.alias = Name{std::move(name)};
  return {};
}

}  // namespace

Status rewrite_expression(ExpressionPtr& expression, const RewriteVisitor& visit,
                          RewriteOrder order) {
  if (order == RewriteOrder::ParentsFirst) {
    const Expression* before = expression.get();
    TRY(visit(expression));
    if (expression.get() != before) return {};
  }
  for (ExpressionPtr* child : children(*expression)) TRY(rewrite_expression(*child, visit, order));
  if (auto* subquery = std::get_if<Subquery>(&expression->node))
    TRY(rewrite_shared(subquery->query, visit, order));
  return order == RewriteOrder::ChildrenFirst ? visit(expression) : Status();
}

Status rewrite_expressions(Query& query, const RewriteVisitor& visit, RewriteOrder order) {
  for (CommonTable& table : query.with) TRY(rewrite_shared(table.query, visit, order));
  if (query.combined) {
    TRY(rewrite_shared(query.combined->left, visit, order));
    TRY(rewrite_shared(query.combined->right, visit, order));
  }
  for (ExpressionList& row : query.values) TRY(rewrite_list(row, visit, order));
  TRY(rewrite_list(query.distinct_on, visit, order));
  for (SelectItem& item : query.items) TRY(rewrite_item(item, visit, order));
  if (query.from) TRY(rewrite_shared(query.from->query, visit, order));
  for (Join& join : query.joins) {
    TRY(rewrite_shared(join.source.query, visit, order));
    TRY(rewrite_one(join.on, visit, order));
  }
  TRY(rewrite_one(query.where, visit, order));
  TRY(rewrite_list(query.group_by, visit, order));
  TRY(rewrite_list(query.partition_by, visit, order));
  TRY(rewrite_one(query.having, visit, order));
  for (OrderItem& item : query.order_by) TRY(rewrite_one(item.expression, visit, order));
  TRY(rewrite_one(query.limit, visit, order));
  TRY(rewrite_one(query.offset, visit, order));
  return {};
}

ExpressionPtr equal_to_any(ExpressionPtr left, ExpressionPtr array, TextPosition position) {
  if (auto* written = std::get_if<ArrayConstructor>(&array->node);
      written && !written->elements.empty())
    return make_expression(In{std::move(left), std::move(written->elements), false}, position);
  FunctionCall equal{std::string(kEqualAny), {}};
  equal.arguments.push_back(std::move(array));
  equal.arguments.push_back(std::move(left));
  equal.is_operator = true;
  return make_expression(std::move(equal), position);
}

}  // namespace engine
