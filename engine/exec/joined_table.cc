#include "engine/exec/joined_table.h"

#include <algorithm>
#include <utility>

#include "engine/types/row_codec.h"

namespace engine {

namespace {

constexpr size_t kJoinedScannedAtOnce = 4'096;
constexpr size_t kJoinedBytesAtOnce = size_t{256} << 10;  // limit per step of a look-up or scan

}  // namespace

JoinedTableOperator::JoinedTableOperator(TaskContext& context, const Layout& layout,
                                         const std::vector<bool>& used, bool old_too,
                                         size_t head_bytes)
    : Operator(context), layout_(layout), old_too_(old_too), head_bytes_(head_bytes) {
  for (size_t i = 0; i < used.size(); ++i)
    if (used[i]) kept_.push_back(static_cast<int>(i));
}

// --- Changes

JoinedTableOperator::Changes::Changes(JoinedTableOperator& table, const Batch& joined)
    : table_(table), joined_(joined), keys_(TypeKind::Bytes) {
  for (const int index : table_.kept_) {
    kept_.push_back(joined.columns[static_cast<size_t>(index)].get());
    old_columns_.emplace_back(table_.layout_[static_cast<size_t>(index)].type);
  }
  for (Column& column : old_columns_) old_pointers_.push_back(&column);
}

Status JoinedTableOperator::Changes::apply(uint32_t row, std::string_view key, const How& how) {
  std::optional<RowStore::Row> before;
  if (joined_.present.test(row)) {
    RowStore::Row now{std::string(how.head), joined_.timestamps[row]};
    encode_row(kept_, row, now.bytes);
    before = TRY(table_.rows_.put(key, std::move(now)));
  } else {
    before = TRY(table_.rows_.erase(key));
    if (!before && !how.emits_all_deletes) return {};
  }
  changed_.push_back(row);
  keys_.append(key);
  if (!table_.old_too_) return {};
  old_present_.push_back(before.has_value());
  if (before)
    return decode_row(std::string_view(before->bytes).substr(table_.head_bytes_), old_pointers_,
                      RowStrings::Copy);
  for (Column* column : old_pointers_) column->append_null();
  return {};
}

Batch JoinedTableOperator::Changes::take(Batch joined, size_t key_count,
                                         std::shared_ptr<const void> owner) {
  Batch out = changed_.size() == joined.rows ? std::move(joined) : joined.gather(changed_);
  keys_.keep(std::move(owner));
  out.keys = std::make_shared<const Column>(std::move(keys_));
  if (!table_.old_too_) return out;
  out.old_present = std::move(old_present_);
  out.old_columns = out.columns;
  for (size_t i = 0; i < table_.kept_.size(); ++i)
    out.old_columns[static_cast<size_t>(table_.kept_[i])] =
        std::make_shared<const Column>(std::move(old_columns_[i]));
  // The key columns of the old rows are copied from the new rows, because key columns have values
  // even if the old row is absent.
  std::copy_n(out.columns.begin(), key_count, out.old_columns.begin());
  return out;
}

// --- Reading the joined rows

Result<Batch> JoinedTableOperator::rows_of(std::span<const StoredRow> rows) {
  Batch out;
  out.rows = rows.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const int index : kept_) columns.emplace_back(layout_[static_cast<size_t>(index)].type);
  for (Column& column : columns) pointers.push_back(&column);
  for (const auto& [key, row] : rows) {
    TRY(decode_row(std::string_view(row->bytes).substr(head_bytes_), pointers, RowStrings::Copy));
    out.timestamps.push_back(row->timestamp);
  }
  out.columns.resize(layout_.size());
  for (size_t i = 0; i < kept_.size(); ++i)
    out.columns[static_cast<size_t>(kept_[i])] =
        std::make_shared<const Column>(std::move(columns[i]));
  return out;
}

// Returns the rows in the order of `rows`, with ROWTIME as the last column.
Result<Batch> JoinedTableOperator::shown(std::vector<StoredRow> rows) {
  Batch out = TRY(rows_of(rows));
  Column times(TypeKind::Bigint);
  for (const int64_t time : out.timestamps) times.append(time);
  out.columns.push_back(std::make_shared<const Column>(std::move(times)));
  return out;
}

Result<Batch> JoinedTableOperator::rows_under(TableLookUp& look_up, TaskSequence& as_of) {
  std::vector<StoredRow> rows;
  uint64_t changed_in = 0;
  size_t bytes = 0, passed = 0;
  const uint64_t max_fetches = rows_.layers().fetches() + Slice::kBlockFetches;
  while (!look_up.keys.empty() && rows_.layers().fetches() < max_fetches &&
         passed++ < kJoinedScannedAtOnce && bytes < kJoinedBytesAtOnce) {
    const std::string& key = look_up.keys.front();
    if (const RowStore::Row* row = TRY(rows_.find(key))) {
      rows.emplace_back(key, row);
      bytes += row->bytes.size();
    }
    changed_in = std::max(changed_in, rows_.changed_in(key));
    look_up.keys = look_up.keys.subspan(1);
  }
  as_of = TaskSequence(static_cast<int64_t>(changed_in));
  std::ranges::sort(rows, {}, &StoredRow::first);
  return shown(std::move(rows));
}

TableScan JoinedTableOperator::begin_scan() { return {rows_.begin_scan()}; }

Result<Batch> JoinedTableOperator::next_rows(TableScan& scan, size_t entries, bool& is_last) {
  std::vector<StoredRow> rows;
  RowStore::Loose loose;
  size_t bytes = 0;
  const auto gather = [&](std::string_view key, const RowStore::Row& row) {
    rows.emplace_back(key, &row);
    bytes += row.bytes.size();
    return bytes < kJoinedBytesAtOnce;
  };
  is_last = false;
  for (int step = 0; !is_last && step < steps_of(scan); ++step, bytes = 0)
    is_last = !TRY(rows_.scan(*scan.entries, entries, loose, gather));
  if (scan.order == TableScan::Order::ByKey) {
    std::ranges::sort(rows, {}, &StoredRow::first);
    const auto same = std::ranges::unique(rows, {}, &StoredRow::first);
    rows.erase(same.begin(), same.end());
  }
  return shown(std::move(rows));
}

// --- Initial rows of a push query

Status JoinedTableOperator::end_bootstrap() {
  suppresses_output_ = false;
  showing_.emplace(rows_);
  return show_some();
}

Status JoinedTableOperator::show_some() {
  while (showing_) {
    const std::vector<StoredRow> rows = TRY(showing_->next(context().slice));
    if (rows.empty() && showing_->is_at_end()) showing_.reset();
    if (!rows.empty()) {
      Batch block = TRY(rows_of(rows));
      if (old_too_) mark_as_new(block);
      TRY(push(std::move(block)));
    }
    if (!may_go_on()) break;
  }
  return {};
}

}  // namespace engine
