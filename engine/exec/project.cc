#include "engine/exec/project.h"

#include <algorithm>

#include "engine/types/row_size.h"

namespace engine {

ProjectOperator::ProjectOperator(TaskContext& context, const ProjectStep& step)
    : RowwiseOperator(context, {Program(step.columns), step.old_too}), is_key_(step.is_key) {}

// Returns the results with null in all columns of absent rows except the key columns.
std::vector<ColumnPtr> ProjectOperator::masked(std::vector<Evaluated> results,
                                               const Bitmap& present) const {
  std::vector<ColumnPtr> out;
  const bool are_all_present = present.all();
  for (size_t i = 0; i < results.size(); ++i) {
    const ColumnPtr& column = results[i].column;
    if (are_all_present || is_key_[i]) {
      out.push_back(column);
      continue;
    }
    Column null(column->type());
    null.append_null();
    const Column* sources[] = {column.get(), &null};
    std::vector<Column::SourceRow> rows(column->size());
    for (uint32_t row = 0; row < rows.size(); ++row)
      rows[row] = present.test(row) ? Column::SourceRow{0, row} : Column::SourceRow{1, 0};
    out.push_back(std::make_shared<const Column>(Column::merge(sources, rows)));
  }
  return out;
}

Status ProjectOperator::take(Batch batch, RowResults results) {
  for (const Evaluated& result : results.now) context().report_present(result.errors, batch);
  batch.columns = masked(std::move(results.now), batch.present);
  if (!results.old.empty()) {
    batch.old_columns = masked(std::move(results.old), batch.old_present);
  } else {
    batch.old_columns.clear();
    batch.old_present = {};
  }
  return push(std::move(batch));
}

// ---- table functions

namespace {

uint32_t list_size(const Column& list, uint32_t row) {
  return list.is_null(row) ? 0 : list.offsets()[row + 1] - list.offsets()[row];
}

// Returns the number of output rows that an input row gives. The results of the functions are
// zipped: the longest list decides the number of rows, and shorter lists are filled with nulls.
uint32_t longest(const std::vector<ColumnPtr>& lists, uint32_t row) {
  uint32_t count = 0;
  for (const ColumnPtr& list : lists) count = std::max(count, list_size(*list, row));
  return count;
}

size_t bytes_of(const std::vector<ColumnPtr>& columns, uint32_t row) {
  size_t bytes = 0;
  for (const ColumnPtr& column : columns)
    if (column) add_row_bytes(*column, row, {&bytes, 1});
  return bytes;
}

}  // namespace

FlatMapOperator::FlatMapOperator(TaskContext& context, const FlatMapStep& step)
    : RowwiseOperator(context, {Program(step.functions), false}) {}

Status FlatMapOperator::take(Batch batch, RowResults results) {
  Expanding& expanding = expanding_.emplace(Expanding{});
  for (Evaluated& result : results.now) {
    context().report(result.errors, batch);
    expanding.lists.push_back(std::move(result.column));
  }
  expanding.batch = std::move(batch);
  begin_row();
  return expand();
}

// Begins the current row. A row that was finished in part before the restart continues at its
// place.
void FlatMapOperator::begin_row() {
  Expanding& now = *expanding_;
  now.done = now.count = 0;
  if (now.row < now.batch.rows && now.batch.present.test(now.row)) {
    now.count = longest(now.lists, now.row);
    now.element_bytes = bytes_of(now.batch.columns, now.row) +
                        bytes_of(now.lists, now.row) / std::max(now.count, 1u) + 1;
  }
  if (!restored_ || now.row >= now.batch.rows) return;
  if (now.batch.partition_of(now.row) != restored_->partition ||
      now.batch.offsets[now.row] < restored_->offset)
    return;
  if (now.batch.offsets[now.row] == restored_->offset)
    now.done = static_cast<uint32_t>(restored_->done);
  restored_.reset();
}

Batch FlatMapOperator::next_block(size_t max_rows, size_t max_bytes) {
  Expanding& now = *expanding_;
  std::vector<Column> elements;
  for (const ColumnPtr& list : now.lists) elements.emplace_back(list->type().element());
  std::vector<uint32_t> source_rows;
  size_t bytes_left = max_bytes;
  while (now.row < now.batch.rows && source_rows.size() < max_rows && bytes_left > 0) {
    // If the list is shorter now than when the record was begun, it gives no further rows.
    const uint32_t begin = std::min(now.done, now.count);
    const size_t room = std::min(max_rows - source_rows.size(), bytes_left / now.element_bytes + 1);
    const auto end = static_cast<uint32_t>(std::min<size_t>(now.count, begin + room));
    bytes_left -= std::min(bytes_left, (end - begin) * now.element_bytes);
    source_rows.insert(source_rows.end(), end - begin, now.row);
    for (size_t i = 0; i < now.lists.size(); ++i) {
      const Column& list = *now.lists[i];
      const uint32_t own = list_size(list, now.row);
      for (uint32_t at = begin; at < end; ++at)
        at < own ? elements[i].append_from(list.child(0), list.offsets()[now.row] + at)
                 : elements[i].append_null();
    }
    now.done = end;
    if (end < now.count) break;
    ++now.row;
    begin_row();
  }
  Batch out = now.batch.gather(source_rows);
  for (Column& column : elements)
    out.columns.push_back(std::make_shared<const Column>(std::move(column)));
  return out;
}

Status FlatMapOperator::expand() {
  while (expanding_) {
    Batch block = next_block(context().slice.block_rows(), context().slice.block_bytes());
    context().slice.spend_rows(block.rows);
    if (expanding_->row == expanding_->batch.rows) expanding_.reset();
    TRY(push(std::move(block)));
    if (!may_go_on()) break;
  }
  return {};
}

Status FlatMapOperator::resume() {
  if (expanding_ && !is_blocked()) TRY(expand());
  return may_go_on() ? RowwiseOperator::resume() : Status{};
}

void FlatMapOperator::visit_rest(const VisitRecord& visit) const {
  if (expanding_)
    for (size_t row = expanding_->row; row < expanding_->batch.rows; ++row)
      visit(expanding_->batch.partition_of(row), expanding_->batch.offsets[row]);
  RowwiseOperator::visit_rest(visit);
}

void FlatMapOperator::own_rest() {
  if (expanding_) {
    // A list that a function built owns its strings. EXPLODE passes its argument on, so the strings
    // of its list are copied.
    expanding_->batch = expanding_->batch.owned(0);
    for (ColumnPtr& list : expanding_->lists)
      if (holds_strings(list->type())) list = std::make_shared<const Column>(list->copy());
  }
  RowwiseOperator::own_rest();
}

void FlatMapOperator::append_scalars(std::vector<int64_t>& out) const {
  Place place;
  if (expanding_ && expanding_->done > 0)
    place = {expanding_->batch.partition_of(expanding_->row),
             expanding_->batch.offsets[expanding_->row], expanding_->done};
  else if (restored_)
    place = *restored_;
  for (const int64_t part : {place.partition, place.offset, place.done}) out.push_back(part);
}

void FlatMapOperator::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.size() < 3) return;
  restored_.reset();
  if (scalars[2] > 0) restored_ = Place{scalars[0], scalars[1], scalars[2]};
  scalars = scalars.subspan(3);
}

}  // namespace engine
