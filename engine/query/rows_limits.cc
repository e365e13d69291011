// LIMIT and OFFSET with sub-queries: the numbers are computed when the statement runs.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

bool has_subquery(const Expression* expression) {
  return expression && (expression->is<Subquery>() ||
                        std::ranges::any_of(children(*expression), [](const Expression* child) {
                          return has_subquery(child);
                        }));
}

// Plans LIMIT and OFFSET as a SELECT of one row with two columns.
Result<RowsNodePtr> RowsPlanning::plan_counts(const Query& query) {
  Query both;
  both.position = query.position;
  const auto add = [&](const ExpressionPtr& count, int64_t otherwise) {
    if (count) set_count_type(*count);
    both.items.push_back(
        {SelectItemKind::Expression,
         count ? clone(*count) : make_expression(BigintLiteral{otherwise}, query.position),
         {},
         {},
         count ? count->position : query.position});
  };
  add(query.limit, INT64_MAX);
  add(query.offset, 0);
  PlannedRows rows = TRY(plan(both));
  ComputeColumns numbers;
  Layout layout;
  for (uint32_t i = 0; i < 2; ++i) {
    const SqlType& type = rows.result.columns[i].type;
    if (!type.is_numeric() && !type.is_null())
      return Error{ErrorCode::TypeMismatch,
                   fmt::format("argument of {} must be a number", i == 0 ? "LIMIT" : "OFFSET")}
          .at(both.items[i].position);
    numbers.columns.push_back(TRY(cast(column_expression(type, i), TypeKind::Bigint)));
    layout.push_back({"", rows.result.columns[i].name, TypeKind::Bigint});
  }
  numbers.input = std::move(rows.root);
  return make_node(std::move(numbers), std::move(layout));
}

Result<PlannedRows> RowsPlanning::cut_by_subqueries(const Query& query) {
  Query all = clone(query);
  all.limit = nullptr;
  all.offset = nullptr;
  PlannedRows rows = TRY(plan_body(all));
  CutRows cut;
  cut.counts = TRY(plan_counts(query));
  rows.root = put_on(std::move(cut), std::move(rows.root));
  return rows;
}

}  // namespace engine
