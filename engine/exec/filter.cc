#include "engine/exec/filter.h"

namespace engine {

FilterOperator::FilterOperator(TaskContext& context, const FilterStep& step)
    : Operator(context), predicate_(step.predicate), is_table_(step.is_table) {}

Status FilterOperator::process(Batch batch, size_t) {
  return is_table_ ? process_table(std::move(batch)) : process_stream(std::move(batch));
}

// A predicate that fails for a row, or is null, is false.
Bitmap FilterOperator::passing(const std::vector<ColumnPtr>& columns, const Bitmap& present,
                               const Batch& batch) {
  RowErrors errors(batch.rows);
  const std::vector<uint32_t> rows = predicate_.select(columns, batch.rows, context().eval, errors);
  context().report(errors, batch);
  Bitmap pass(batch.rows, false);
  for (const uint32_t row : rows)
    if (present.test(row)) pass.set(row);
  return pass;
}

Status FilterOperator::process_stream(Batch batch) {
  const Bitmap pass = passing(batch.columns, batch.present, batch);
  if (pass.all()) return push(std::move(batch));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (pass.test(row)) rows.push_back(row);
  return push(batch.gather(rows));
}

// A row that stops passing becomes a delete; one that never passed is not mentioned.
Status FilterOperator::process_table(Batch batch) {
  Bitmap passes_now = passing(batch.columns, batch.present, batch);
  Bitmap passed_before = batch.has_old() ? passing(batch.old_columns, batch.old_present, batch)
                                         : Bitmap(batch.rows, false);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (passes_now.test(row) || passed_before.test(row)) rows.push_back(row);
  batch.present = std::move(passes_now);
  if (batch.has_old()) batch.old_present = std::move(passed_before);
  return push(rows.size() == batch.rows ? std::move(batch) : batch.gather(rows));
}

}  // namespace engine
