#include "engine/exec/regroup.h"

#include <fmt/format.h>

namespace engine {

namespace {

bool same_key(const Batch& batch, size_t key_count, uint32_t row) {
  for (size_t i = 0; i < key_count; ++i)
    if (!batch.columns[i]->same(row, *batch.old_columns[i], row)) return false;
  return true;
}

// One output row: the source row, and whether the output takes its new and its old version.
struct SourceSide {
  uint32_t row;
  bool takes_new, takes_old;
};

Column take(const Column& now, const Column& old, const std::vector<SourceSide>& sides, bool is_key,
            bool want_new) {
  Column out(now.type());
  out.reserve(sides.size());
  for (const SourceSide& side : sides) {
    // The key columns are set in both versions of a row, even if one version is absent.
    const bool from_new = want_new ? side.takes_new : !side.takes_old && is_key;
    const bool from_old = want_new ? !side.takes_new && is_key : side.takes_old;
    if (from_new)
      out.append_from(now, side.row);
    else if (from_old)
      out.append_from(old, side.row);
    else
      out.append_null();
  }
  return out;
}

}  // namespace

bool RegroupOperator::has_null_key(const std::vector<ColumnPtr>& columns, const Batch& batch,
                                   uint32_t row) {
  for (size_t i = 0; i < step_.key_count; ++i) {
    if (!columns[i]->is_null(row)) continue;
    context().log.record_failed(
        Error{ErrorCode::InvalidText, fmt::format("Group-by column with index {} resolved to null. "
                                                  "The source row will be excluded from the table.",
                                                  i)},
        batch.partition_of(row), batch.offsets[row]);
    return true;
  }
  return false;
}

Status RegroupOperator::process(Batch batch, size_t) {
  if (step_.is_table) return process_table(std::move(batch));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < batch.rows; ++row)
    if (batch.present.test(row) && !has_null_key(batch.columns, batch, row)) rows.push_back(row);
  return push(rows.size() == batch.rows ? std::move(batch) : batch.gather(rows));
}

Status RegroupOperator::process_table(Batch batch) {
  if (!batch.has_old()) {  // the batch has inserts only
    batch.old_columns = batch.columns;
    batch.old_present = Bitmap(batch.rows, false);
  }
  std::vector<SourceSide> sides;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const bool is_new = batch.present.test(row) && !has_null_key(batch.columns, batch, row);
    const bool is_old = batch.old_present.test(row) && !has_null_key(batch.old_columns, batch, row);
    if (is_new && is_old && same_key(batch, step_.key_count, row)) {
      sides.push_back({row, true, true});
      continue;
    }
    if (is_old) sides.push_back({row, false, true});
    if (is_new) sides.push_back({row, true, false});
  }
  Batch out;
  out.rows = sides.size();
  out.partition = batch.partition;
  for (const SourceSide& side : sides) {
    out.timestamps.push_back(batch.timestamps[side.row]);
    out.append_record_of(batch, side.row);
    out.present.push_back(side.takes_new);
    out.old_present.push_back(side.takes_old);
  }
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    const bool is_key = i < step_.key_count;
    const Column& now = *batch.columns[i];
    const Column& old = *batch.old_columns[i];
    out.columns.push_back(std::make_shared<const Column>(take(now, old, sides, is_key, true)));
    out.old_columns.push_back(std::make_shared<const Column>(take(now, old, sides, is_key, false)));
  }
  return push(std::move(out));
}

}  // namespace engine
