#include "engine/exec/filter.h"

namespace engine {

namespace {

// Returns the present rows that satisfy the predicate. A predicate that fails for a row, or is null, counts as false.
Bitmap passing(const Evaluated& predicate, const Bitmap& present) {
  const auto holds = predicate.column->data<uint8_t>();  // zero where the predicate is null
  Bitmap rows(holds.size(), false);
  for (size_t row = 0; row < holds.size(); ++row)
    if (holds[row] && present.test(row)) rows.set(row);
  return rows;
}

}  // namespace

FilterOperator::FilterOperator(TaskContext& context, const FilterStep& step)
    : RowwiseOperator(context, {Program(step.predicate), true}),
      is_table_(step.is_table),
      emits_all_deletes_(step.tells_all_deletes) {}

Status FilterOperator::take(Batch batch, RowResults results) {
  return is_table_ ? take_table(std::move(batch), results)
                   : take_stream(std::move(batch), results.now.front());
}

Status FilterOperator::take_stream(Batch batch, const Evaluated& now) {
  context().report(now.errors, batch);
  const Bitmap passes = passing(now, batch.present);
  if (passes.all()) return push(std::move(batch));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (passes.test(row)) rows.push_back(row);
  return push(batch.gather(rows));
}

// Pushes the changes of a filtered table. If a row satisfied the predicate and no longer does, a
// delete is pushed. If it never satisfied the predicate, nothing is pushed, unless an earlier
// version of the filter may have let the row pass (emits_all_deletes_).
Status FilterOperator::take_table(Batch batch, const RowResults& results) {
  context().report_present(results.now.front().errors, batch);
  Bitmap now = passing(results.now.front(), batch.present);
  Bitmap before =
      batch.has_old() ? passing(results.old.front(), batch.old_present) : Bitmap(batch.rows, false);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (now.test(row) || before.test(row) || emits_all_deletes_) rows.push_back(row);
  batch.present = std::move(now);
  if (batch.has_old()) batch.old_present = std::move(before);
  return push(rows.size() == batch.rows ? std::move(batch) : batch.gather(rows));
}

}  // namespace engine
