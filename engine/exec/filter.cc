#include "engine/exec/filter.h"

namespace engine {

FilterOperator::FilterOperator(TaskContext& context, const FilterStep& step)
    : RowwiseOperator(context),
      predicate_(step.predicate),
      is_table_(step.is_table),
      tells_all_deletes_(step.tells_all_deletes) {}

Status FilterOperator::take(Batch& batch) {
  return is_table_ ? take_table(batch) : take_stream(batch);
}

// A predicate that fails for a row, or is null, is false.
FilterOperator::Passing FilterOperator::passing(const std::vector<ColumnPtr>& columns,
                                                const Bitmap& present, const Batch& batch) const {
  Passing passing{Bitmap(batch.rows, false), RowErrors(batch.rows)};
  for (const uint32_t row : predicate_.select(columns, batch.rows, context().eval, passing.errors))
    if (present.test(row)) passing.rows.set(row);
  return passing;
}

Status FilterOperator::take_stream(Batch& batch) {
  const Passing now = passing(batch.columns, batch.present, batch);
  if (gives_up()) return {};
  context().report(now.errors, batch);
  if (now.rows.all()) return push(std::move(batch));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (now.rows.test(row)) rows.push_back(row);
  return push(batch.gather(rows));
}

// A row that stops passing becomes a delete; one that never passed is not mentioned, unless a former filter may have
// let it pass.
Status FilterOperator::take_table(Batch& batch) {
  Passing now = passing(batch.columns, batch.present, batch);
  Passing before{Bitmap(batch.rows, false), RowErrors(batch.rows)};
  if (batch.has_old()) before = passing(batch.old_columns, batch.old_present, batch);
  if (gives_up()) return {};
  context().report_present(now.errors, batch);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (now.rows.test(row) || before.rows.test(row) || tells_all_deletes_) rows.push_back(row);
  batch.present = std::move(now.rows);
  if (batch.has_old()) batch.old_present = std::move(before.rows);
  return push(rows.size() == batch.rows ? std::move(batch) : batch.gather(rows));
}

}  // namespace engine
