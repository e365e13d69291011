#include "engine/query/select_aggregates.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/query/ordered_sets.h"
#include "engine/query/rows_planning.h"
#include "engine/query/select_subqueries.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// Binds percentile_cont(0.5) WITHIN GROUP (ORDER BY value) and similar calls.
Result<GroupedCall> bind_ordered_set(const FunctionCall& call, TextPosition position,
                                     const Scope& scope, const EvalContext& eval) {
  const auto arguments = ordered_set_arguments(call.name);
  if (!arguments)
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("{} is not an ordered-set aggregate, so it cannot have WITHIN GROUP",
                             lower_case(call.name)),
                 {},
                 "PERCENTILE_CONT, PERCENTILE_DISC and MODE are."}
        .at(position);
  if (call.arguments.size() != *arguments || call.order_by.size() != 1 || call.distinct)
    return Error{ErrorCode::UndefinedFunction,
                 fmt::format("{} takes {} and one value to order by", lower_case(call.name),
                             *arguments == 0 ? "no argument" : "a fraction")}
        .at(position);
  GroupedCall bound;
  bound.order = TRY(bind_order(call.order_by, scope));
  Value fraction;
  if (*arguments > 0)
    fraction = TRY(evaluate_constant(*call.arguments.front(), TypeKind::Double, scope, eval));
  if (call.name == "PERCENTILE_CONT") {
    auto number = coerce(std::move(bound.order.front().value), TypeKind::Double);
    if (!number) return std::move(number).error().at(call.order_by.front().expression->position);
    bound.order.front().value = *std::move(number);
  }
  const BoundExpression& value = bound.order.front().value;
  auto instance = make_ordered_set(call.name, value.type, std::move(fraction));
  if (!instance) return std::move(instance).error().at(position);
  bound.call.instance = *std::move(instance);
  bound.call.arguments.push_back(value);
  return bound;
}

// Restricts the computation of an argument to rows that pass FILTER, because sum(6 / n) FILTER (WHERE n <> 0) must not
// fail.
void compute_where(const BoundExpression& filter, BoundExpression& value) {
  if (as_column(value) || is_constant(value)) return;
  BoundExpression chosen;
  chosen.kind = BoundKind::Case;
  chosen.type = value.type;
  chosen.position = value.position;
  chosen.knows_unknown = true;
  chosen.children.push_back(filter);
  chosen.children.push_back(std::move(value));
  chosen.children.push_back(literal_expression(chosen.type, {}));
  value = std::move(chosen);
}

}  // namespace

Result<std::vector<RowsOrder>> bind_order(const std::vector<OrderItem>& items, const Scope& scope) {
  std::vector<RowsOrder> keys;
  for (const OrderItem& item : items) {
    BoundExpression value = TRY(bind_value(*item.expression, scope));
    TRY(check_ordered(value.type, item.expression->position));
    const SortKey key = sort_key(item, 0);
    keys.push_back({std::move(value), key.is_descending, key.nulls_first});
  }
  return keys;
}

Result<GroupedCall> bind_grouped_call(const FunctionCall& call, TextPosition position,
                                      const Scope& scope, const PlanContext& context,
                                      const EvalContext& eval) {
  GroupedCall bound;
  if (call.within_group) {
    bound = TRY(bind_ordered_set(call, position, scope, eval));
  } else {
    const FunctionCall plain{call.name, clone(call.arguments), call.star};
    bound.call = TRY(bind_aggregate(plain, position, scope, context.properties));
    bound.order = TRY(bind_order(call.order_by, scope));
  }
  bound.is_distinct = call.distinct;
  if (call.filter) {
    bound.filter = TRY(bind_predicate(*call.filter, scope));
    for (BoundExpression& argument : bound.call.arguments) compute_where(*bound.filter, argument);
    for (RowsOrder& key : bound.order) compute_where(*bound.filter, key.value);
  }
  if (!call.distinct) return bound;
  for (const BoundExpression& argument : bound.call.arguments)
    TRY(check_ordered(argument.type, position));
  for (const OrderItem& item : call.order_by)
    if (std::ranges::none_of(call.arguments, [&](const ExpressionPtr& argument) {
          return equals(*argument, *item.expression);
        }))
      return Error{ErrorCode::InvalidColumnReference,
                   "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument "
                   "list"}
          .at(item.expression->position);
  return bound;
}

}  // namespace engine
