// RETURNING: returns values of the rows that a statement has written.
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

// One column of the answer.
struct ReturnedValue {
  std::string name;               // the name shown to the client
  engine::BoundExpression value;  // alias of the target in the statement; empty: none
  // name of the target's column, if the value is just this column; otherwise empty
  std::string column;
};
using Returning = std::vector<ReturnedValue>;

struct ReturningNames {
  std::string alias;  // alias of the target in the statement; may be empty
  std::vector<std::string>
      others;  // other sources of the statement; RETURNING does not support them yet
};
// Binds the expressions and infers the types of undeclared parameters. Fails like a SELECT of the
// same expressions.
Result<Returning> bind_returning(std::span<const engine::SelectItem> items,
                                 const engine::DataSource& target, const ReturningNames& names,
                                 const engine::PlanContext& context);
// Computes the rows of RETURNING. `written`: columns of the target's schema; a null pointer means
// only nulls. Fails if an expression fails for any row.
Result<std::vector<engine::ColumnPtr>> returned_rows(const Returning& returning,
                                                     const engine::DataSource& target,
                                                     std::span<const engine::ColumnPtr> written,
                                                     size_t rows,
                                                     const engine::EvalContext& context);

}  // namespace server
