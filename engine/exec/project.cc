#include "engine/exec/project.h"

#include <algorithm>

namespace engine {

ProjectOperator::ProjectOperator(TaskContext& context, const ProjectStep& step)
    : Operator(context), program_(step.columns), is_key_(step.is_key), old_too_(step.old_too) {}

// In rows that are not there only the key columns have values.
std::vector<ColumnPtr> ProjectOperator::project(const std::vector<ColumnPtr>& columns,
                                                const Bitmap& present, const Batch& batch) {
  std::vector<ColumnPtr> out = evaluate(program_, columns, batch);
  if (present.all()) return out;
  for (size_t i = 0; i < out.size(); ++i) {
    if (is_key_[i]) continue;
    auto masked = std::make_shared<Column>(out[i]->type());
    masked->reserve(batch.rows);
    for (size_t row = 0; row < batch.rows; ++row)
      present.test(row) ? masked->append_from(*out[i], row) : masked->append_null();
    out[i] = std::move(masked);
  }
  return out;
}

Status ProjectOperator::process(Batch batch, size_t) {
  std::vector<ColumnPtr> now = project(batch.columns, batch.present, batch);
  if (old_too_ && batch.has_old()) {
    batch.old_columns = project(batch.old_columns, batch.old_present, batch);
  } else {
    batch.old_columns.clear();
    batch.old_present = {};
  }
  batch.columns = std::move(now);
  return push(std::move(batch));
}

FlatMapOperator::FlatMapOperator(TaskContext& context, const FlatMapStep& step)
    : Operator(context), program_(step.functions) {}

// The functions' results are zipped: the longest list decides how many rows, the others are filled
// with nulls.
Status FlatMapOperator::process(Batch batch, size_t) {
  const std::vector<ColumnPtr> lists = evaluate(program_, batch.columns, batch);
  std::vector<Column> elements;
  for (const ColumnPtr& list : lists) elements.emplace_back(list->type().element());
  std::vector<uint32_t> source_rows;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!batch.present.test(row)) continue;
    uint32_t count = 0;
    for (const ColumnPtr& list : lists)
      if (!list->is_null(row))
        count = std::max(count, list->offsets()[row + 1] - list->offsets()[row]);
    source_rows.insert(source_rows.end(), count, row);
    for (size_t i = 0; i < lists.size(); ++i) {
      const auto ends = lists[i]->offsets();
      const uint32_t own = lists[i]->is_null(row) ? 0 : ends[row + 1] - ends[row];
      for (uint32_t at = 0; at < count; ++at)
        at < own ? elements[i].append_from(lists[i]->child(0), ends[row] + at)
                 : elements[i].append_null();
    }
  }
  Batch out = batch.gather(source_rows);
  for (Column& column : elements)
    out.columns.push_back(std::make_shared<const Column>(std::move(column)));
  return push(std::move(out));
}

}  // namespace engine
