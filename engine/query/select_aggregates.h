// Binds PostgreSQL's forms of aggregate calls: calls with DISTINCT, ORDER BY or FILTER, and ordered-set calls.
#pragma once
#include "engine/query/select_names.h"
#include "engine/query/select_rows.h"

namespace engine {

// Binds the call over the scope. Fails as bind_aggregate() does, and with TypeMismatch if the call orders by a type
// that has no order.
Result<GroupedCall> bind_grouped_call(const FunctionCall& call, TextPosition position,
                                      const Scope& scope, const PlanContext& context,
                                      const EvalContext& eval);
// Binds the keys of ORDER BY in an aggregate or a window. There a literal is a value, and not the
// position of an item. Fails with TypeMismatch if a type has no order.
Result<std::vector<RowsOrder>> bind_order(const std::vector<OrderItem>& items, const Scope& scope);

}  // namespace engine
