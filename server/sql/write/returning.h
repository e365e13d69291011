// RETURNING: what a statement answers of the rows that it has written.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"

namespace server {

// Of each column of the answer.
struct ReturnedValue {
  std::string name;  // as it is shown
  engine::BoundExpression value;  // over the columns of the target's schema
  std::string column;             // of the target, where it is one as it is; else empty
};
using Returning = std::vector<ReturnedValue>;

struct ReturningNames {
  std::string alias;  // of the target in the statement; empty: it has none
  std::vector<std::string>
      others;  // what else the statement reads beside it, of which nothing is told yet
};
// The types of parameters that nobody has declared are found out. Fails as a
// SELECT of the same does.
Result<Returning> bind_returning(std::span<const engine::SelectItem> items,
                                 const engine::DataSource& target, const ReturningNames& names,
                                 const engine::PlanContext& context);
// `written`: columns of the target's schema; null for those that have nothing but nulls. Fails where an expression does, of any row.
Result<std::vector<engine::ColumnPtr>> returned_rows(const Returning& returning,
                                                     const engine::DataSource& target,
                                                     std::span<const engine::ColumnPtr> written,
                                                     size_t rows,
                                                     const engine::EvalContext& context);

}  // namespace server
