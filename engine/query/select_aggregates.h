// PostgreSQL's calls of aggregate functions: with DISTINCT, an order, a filter, and ordered sets.
#pragma once
#include "engine/query/select_names.h"
#include "engine/query/select_rows.h"

namespace engine {

// Binds the call over the scope. Fails as bind_aggregate() does, and with TypeMismatch if a type in its order has no
// order.
Result<GroupedCall> bind_grouped_call(const FunctionCall& call, TextPosition position,
                                      const Scope& scope, const PlanContext& context,
                                      const EvalContext& eval);
// Binds the keys of an order; literals are values here. Fails with TypeMismatch if a type has no order.
Result<std::vector<RowsOrder>> bind_order(const std::vector<OrderItem>& items, const Scope& scope);

}  // namespace engine
