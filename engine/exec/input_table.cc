// Keeps the table of an InputOperator: applies records to the store of the table, and reads rows from this store.
#include <algorithm>
#include <cassert>

#include "engine/exec/input.h"
#include "engine/exec/used_columns.h"
#include "engine/types/row_codec.h"
#include "engine/types/row_columns.h"

namespace engine {

namespace {

constexpr size_t kScannedAtOnce = 4'096, kPassedAtOnce = 128;
constexpr size_t kShownBytesAtOnce = size_t{256} << 10;  // limit per step of a look-up or scan

}  // namespace

std::vector<const Column*> InputOperator::stored_columns(
    const std::vector<ColumnPtr>& columns) const {
  std::vector<const Column*> stored;
  for (const int index : stored_columns_)
    stored.push_back(columns[static_cast<size_t>(index)].get());
  return stored;
}

// Chooses the number of rows of the next piece from the size of the output of the last piece. The
// output of the last piece has been written completely when this function is called.
void InputOperator::size_piece() {
  const uint64_t bytes = context().slice.all_bytes() - bytes_before_last_;
  if (bytes > kMostBytesOfPiece)
    piece_rows_ = std::max<size_t>(1, rows_of_last_ * kMostBytesOfPiece / bytes);
  else if (rows_of_last_ == piece_rows_ && piece_rows_ < kScannedAtOnce)
    piece_rows_ *= 2;
  bytes_before_last_ = context().slice.all_bytes();
}

// Applies the rest of the batch, in one piece if possible. If a part of the table is not in memory, each record may
// have to fetch a row, so the pieces are small.
Status InputOperator::apply_some() {
  while (rest_) {
    size_piece();
    const size_t left = rest_->batch.rows - rest_->row;
    const size_t most = rows_.layers().is_complete()
                            ? piece_rows_
                            : std::min(piece_rows_, size_t{Slice::kBlockFetches});
    const size_t rows = std::min(left, most);
    Batch piece =
        rows == rest_->batch.rows ? std::move(rest_->batch) : rest_->batch.slice(rest_->row, rows);
    rest_->row += rows;
    rows_of_last_ = rows;
    if (rows == left) rest_.reset();
    TRY(apply_to_table(std::move(piece)));
    if (!may_go_on()) break;
  }
  return {};
}

// Applies the records in order. Each record replaces the row of its key, and the replaced row becomes the old row of
// the change.
Status InputOperator::apply_to_table(Batch batch) {
  const ColumnPtr key_column = batch.columns.back();
  const Column& keys = *key_column;
  batch.columns.pop_back();
  batch.keys = key_column;
  const std::vector<const Column*> stored = stored_columns(batch.columns);
  std::vector<Column> old_columns;
  for (const LayoutColumn& column : layout_) old_columns.emplace_back(column.type);
  std::vector<Column*> old_stored;
  for (const int index : stored_columns_)
    old_stored.push_back(&old_columns[static_cast<size_t>(index)]);
  const size_t rowtime = step_.schema.columns.size();

  batch.old_present = Bitmap(batch.rows, false);
  for (size_t row = 0; row < batch.rows; ++row) {
    if (row % RowStore::kPrefetchedAtOnce == 0)
      rows_.prefetch(keys.data<std::string_view>().subspan(row));
    const std::string_view key = keys.data<std::string_view>()[row];
    std::optional<RowStore::Row> before;
    if (batch.present.test(row)) {
      RowStore::Row now{{}, batch.timestamps[row]};
      encode_row(stored, row, now.bytes);
      before = TRY(rows_.put(key, std::move(now)));
    } else {
      before = TRY(rows_.erase(key));
    }
    if (!step_.old_too) continue;
    if (before) {
      TRY(decode_row(before->bytes, old_stored, RowStrings::Copy));
      batch.old_present.set(row);
    } else {
      for (Column* column : old_stored) column->append_null();
    }
    if (step_.used[rowtime])
      before ? old_columns[rowtime].append(before->timestamp) : old_columns[rowtime].append_null();
  }
  if (step_.old_too) {
    for (size_t i = 0; i < layout_.size(); ++i) {
      const bool is_stored =
          std::ranges::find(stored_columns_, static_cast<int>(i)) != stored_columns_.end() ||
          i == rowtime;
      batch.old_columns.push_back(is_stored && step_.used[i]
                                      ? std::make_shared<const Column>(std::move(old_columns[i]))
                                      : batch.columns[i]);
    }
  } else {
    batch.old_present = {};
  }
  return suppresses_output_ || step_.is_joined ? Status{} : push(std::move(batch));
}

Result<Batch> InputOperator::rows_of(std::span<const StoredRow> rows) {
  const std::vector<bool>* const used = UsedColumns::current();
  if (const EarlyFilter* const filter = UsedColumns::filter()) {
    std::vector<uint32_t> needed;
    {
      const UsedColumns filtered(&filter->columns);
      needed = filter->needed(TRY(rows_of(rows)));
    }
    std::vector<StoredRow> some;
    for (const uint32_t row : needed) some.push_back(rows[row]);
    const UsedColumns in_use(used);
    return rows_of(some);
  }
  const auto is_used = [&](size_t column) {
    return !used || (column < used->size() && (*used)[column]);
  };
  const std::vector<ColumnDef>& declared = step_.schema.columns;
  bool reads_keys = !used || step_.window;
  for (size_t i = 0; i < declared.size() && !reads_keys; ++i)
    reads_keys = declared[i].role == ColumnRole::Key && is_used(i);
  Batch out;
  out.rows = rows.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  std::vector<Column> columns;
  columns.reserve(layout_.size());
  for (const LayoutColumn& column : layout_) columns.emplace_back(column.type);
  for (size_t i = 0; i < columns.size(); ++i)
    if (is_used(i)) columns[i].reserve(out.rows);
  // The format readers return views into the keys, and the caller may keep the rows longer than the store keeps the
  // keys. Therefore the rows own copies of the keys.
  const auto owned_keys = std::make_shared<StringHeap>();
  std::vector<std::string_view> keys;
  out.timestamps.reserve(rows.size());
  for (const auto& [key, row] : rows) out.timestamps.push_back(row->timestamp);
  std::vector<Column*> value_outs;
  std::vector<bool> used_values;
  for (const int index : stored_columns_) {
    value_outs.push_back(&columns[static_cast<size_t>(index)]);
    used_values.push_back(is_used(static_cast<size_t>(index)));
  }
  if (reads_keys) {
    keys.reserve(rows.size());
    for (const auto& [key, row] : rows) keys.push_back(owned_keys->add(key));
    TRY(decoder_->read_stored_keys(keys, columns));
    for (Column& column : columns) column.keep(owned_keys);
  }
  // Values of fixed size are decoded in place, into columns that are already resized.
  const bool are_flat = std::ranges::none_of(
      value_outs, [](const Column* column) { return column->type().is_nested(); });
  if (are_flat) {
    for (size_t i = 0; i < value_outs.size(); ++i)
      if (used_values[i]) value_outs[i]->resize(rows.size());
    const RowColumns some(value_outs, used_values);
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string_view bytes = rows[i].second->bytes;
      TRY(used ? some.decode_at(bytes, i) : decode_row_at(bytes, value_outs, i));
    }
  } else {
    for (const auto& [key, row] : rows) TRY(decode_row(row->bytes, value_outs, RowStrings::Copy));
  }
  if (is_used(declared.size()))
    for (const int64_t timestamp : out.timestamps) columns[declared.size()].append(timestamp);
  for (Column& column : columns)
    out.columns.push_back(
        column.size() == out.rows ? std::make_shared<const Column>(std::move(column)) : nullptr);
  return out;
}

Status InputOperator::end_bootstrap() {
  if (!std::exchange(suppresses_output_, false) || step_.is_joined) return {};
  showing_.emplace(rows_);
  return show_some();
}

Status InputOperator::show_some() {
  while (showing_) {
    const std::vector<StoredRow> rows = TRY(showing_->next(context().slice));
    if (rows.empty() && showing_->is_at_end()) showing_.reset();
    if (!rows.empty()) {
      Batch block = TRY(rows_of(rows));
      if (step_.old_too) mark_as_new(block);
      TRY(push(std::move(block)));
    }
    if (!may_go_on()) break;
  }
  return {};
}

// --- Look-ups and scans

Result<Batch> InputOperator::rows_of_stored(std::vector<StoredRow> rows) {
  std::ranges::sort(rows, {}, &StoredRow::first);
  const auto same = std::ranges::unique(rows, {}, &StoredRow::first);
  rows.erase(same.begin(), same.end());
  return rows_of(rows);
}

Result<Batch> InputOperator::rows_under(TableLookUp& look_up, TaskSequence& as_of) {
  std::vector<StoredRow> rows;
  RowStore::Loose loose;
  uint64_t changed_in = look_up.entries ? look_up.entries->until : 0;
  const uint64_t max_fetches = rows_.layers().fetches() + Slice::kBlockFetches;
  size_t bytes = 0, passed = 0;
  const auto add = [&](std::string_view stored, const RowStore::Row& row) {
    rows.emplace_back(stored, &row);
    bytes += row.bytes.size();
    return bytes < kShownBytesAtOnce;
  };
  const auto is_enough = [&] {
    return rows_.layers().fetches() >= max_fetches || passed >= kScannedAtOnce ||
           bytes >= kShownBytesAtOnce;
  };
  while (!look_up.keys.empty() && !is_enough()) {
    const std::string& key = look_up.keys.front();
    if (!step_.window) {
      if (const RowStore::Row* row = TRY(rows_.find(key))) add(key, *row);
      changed_in = std::max(changed_in, rows_.changed_in(key));
      look_up.keys = look_up.keys.subspan(1);
      ++passed;
      continue;
    }
    if (!look_up.entries)
      look_up.entries =
          TRY(rows_.begin_look_up(key, key.size() + window_suffix_size(*step_.window)));
    bool has_more = true;
    for (; has_more && !is_enough(); passed += kPassedAtOnce)
      has_more = TRY(rows_.look_up(*look_up.entries, key, kPassedAtOnce, loose, add, changed_in));
    if (has_more) {
      changed_in = std::max(changed_in, look_up.entries->until);
      break;
    }
    look_up.entries.reset();
    look_up.keys = look_up.keys.subspan(1);
  }
  as_of = TaskSequence(static_cast<int64_t>(changed_in));
  return rows_of_stored(std::move(rows));
}

TableScan InputOperator::begin_scan() { return {rows_.begin_scan()}; }

Result<Batch> InputOperator::next_rows(TableScan& scan, size_t entries, bool& is_last) {
  std::vector<StoredRow> rows;
  size_t bytes = 0;
  const auto gather = [&](std::string_view key, const RowStore::Row& row) {
    rows.emplace_back(key, &row);
    bytes += key.size() + row.bytes.size();
    return bytes < kShownBytesAtOnce;
  };
  RowStore::Loose loose;
  is_last = false;
  for (int step = 0; !is_last && step < steps_of(scan); ++step, bytes = 0)
    is_last = !TRY(rows_.scan(*scan.entries, entries, loose, gather));
  if (scan.order == TableScan::Order::ByKey) return rows_of_stored(std::move(rows));
  return rows_of(rows);
}

}  // namespace engine
