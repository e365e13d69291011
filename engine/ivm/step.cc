#include "engine/ivm/step.h"

#include "engine/expr/null_failures.h"

namespace engine {

Result<std::vector<ColumnPtr>> columns_of(const Program& program, const Changes& changes,
                                          const EvalContext& eval) {
  std::vector<ColumnPtr> columns;
  for (Evaluated& result : program.run(changes.columns, changes.rows, eval)) {
    TRY(refuse_failures(result.errors));
    columns.push_back(std::move(result.column));
  }
  return columns;
}

Status MapStep::take(Changes changes, const EvalContext& eval) {
  changes.columns = TRY(columns_of(program_, changes, eval));
  return pass_on(std::move(changes), eval);
}

Status KeepStep::take(Changes changes, const EvalContext& eval) {
  RowErrors errors(changes.rows);
  const std::vector<uint32_t> chosen = program_.select(changes.columns, changes.rows, eval, errors);
  TRY(refuse_failures(errors));
  if (chosen.size() == changes.rows) return pass_on(std::move(changes), eval);
  Changes kept{chosen.size()};
  for (const ColumnPtr& column : changes.columns)
    kept.columns.push_back(column ? std::make_shared<const Column>(column->gather(chosen))
                                  : nullptr);
  for (const uint32_t row : chosen) kept.weights.push_back(changes.weights[row]);
  return pass_on(std::move(kept), eval);
}

}  // namespace engine
