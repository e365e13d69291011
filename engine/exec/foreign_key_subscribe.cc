#include "engine/exec/foreign_key_subscribe.h"

#include "engine/exec/foreign_key_change.h"

namespace engine {

ForeignKeySubscribeOperator::ForeignKeySubscribeOperator(TaskContext& context,
                                                         const ForeignKeySubscribeStep& step,
                                                         const Layout& layout)
    : RowwiseOperator(context, {Program(step.foreign_key), true}), step_(step), layout_(layout) {}

std::vector<ForeignKeySubscribeOperator::Said> ForeignKeySubscribeOperator::what_to_say(
    const Batch& batch, const Column& now, const Column* old) {
  std::vector<Said> said;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const bool is_new = batch.present.test(row), is_old = old && batch.old_present.test(row);
    if (!is_new && !is_old) continue;
    const int64_t number = ++last_number_;
    if (!is_new) {
      said.push_back({row, true, ForeignKeyChange::kGone, number});
    } else if (!is_old || now.same(row, *old, row)) {
      said.push_back({row, false, 0, number});
    } else {
      said.push_back({row, true, ForeignKeyChange::kLeft, number});
      said.push_back({row, false, ForeignKeyChange::kMoved, number});
    }
  }
  return said;
}

Status ForeignKeySubscribeOperator::take(Batch batch, RowResults results) {
  const std::vector<Evaluated>&now = results.now, &old = results.old;
  // Only errors of the new rows are reported here: errors of an old row were reported when that row
  // arrived.
  context().report(now.front().errors, batch);
  const Column& key_now = *now.front().column;
  const Column& key_old = old.empty() ? key_now : *old.front().column;
  const std::vector<Said> said = what_to_say(batch, key_now, old.empty() ? nullptr : &key_old);

  std::vector<uint32_t> rows;
  std::vector<Column::SourceRow> keys, columns;  // `columns` merges the batch's columns with nulls
  Column numbers(TypeKind::Bigint), kinds(TypeKind::Integer);
  for (const Said& one : said) {
    rows.push_back(one.row);
    keys.push_back({one.to_old ? 1u : 0u, one.row});
    columns.push_back(one.to_old ? Column::SourceRow{1, 0} : Column::SourceRow{0, one.row});
    numbers.append(one.number);
    kinds.append(one.kind);
  }
  Batch out;
  out.rows = said.size();
  for (const uint32_t row : rows) {
    out.timestamps.push_back(batch.timestamps[row]);
    out.append_record_of(batch, row);
  }
  out.partition = batch.partition;
  out.present = Bitmap(out.rows, true);
  const Column* key_sources[] = {&key_now, &key_old};
  out.columns.push_back(std::make_shared<const Column>(Column::merge(key_sources, keys)));
  out.columns.push_back(std::make_shared<const Column>(std::move(numbers)));
  out.columns.push_back(std::make_shared<const Column>(std::move(kinds)));
  for (size_t i = 0; i < step_.columns.size(); ++i) {
    const Column& column = *batch.columns[static_cast<size_t>(step_.columns[i])];
    if (i < step_.key_count) {
      out.columns.push_back(std::make_shared<const Column>(column.gather(rows)));
      continue;
    }
    Column null(column.type());
    null.append_null();
    const Column* sources[] = {&column, &null};
    out.columns.push_back(std::make_shared<const Column>(Column::merge(sources, columns)));
  }
  return push(std::move(out));
}

void ForeignKeySubscribeOperator::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.empty()) return;
  last_number_ = scalars.front();
  scalars = scalars.subspan(1);
}

}  // namespace engine
