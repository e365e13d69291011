#include "engine/exec/table_table_join.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/types/row_codec.h"

namespace engine {

namespace {

constexpr uint32_t kFound = 0, kMissing = 1;  // sources of Met::others
constexpr size_t kScannedAtOnce = 4'096;
constexpr size_t kShownBytesAtOnce = size_t{256} << 10;  // of look-ups and scans

}  // namespace

TableTableJoinOperator::TableTableJoinOperator(TaskContext& context, const TableTableJoinStep& step,
                                               const Layout& layout, size_t left_columns,
                                               KeyedTable& left, KeyedTable& right)
    : Operator(context),
      step_(step),
      layout_(layout),
      left_columns_(left_columns),
      tables_{&left, &right} {
  for (size_t i = 0; i < step_.used.size(); ++i)
    if (step_.used[i]) kept_.push_back(static_cast<int>(i));
}

Status TableTableJoinOperator::process(Batch batch, size_t port) {
  assert(!has_rest());
  ColumnPtr keys = std::exchange(batch.keys, nullptr);
  assert(keys);
  rest_ = Rest{std::move(batch), std::move(keys), port};
  return resume();
}

Status TableTableJoinOperator::resume() {
  while (rest_ && !is_blocked()) {
    TRY(take_block());
    if (!may_go_on()) break;
  }
  return {};
}

bool TableTableJoinOperator::gives_row(bool is_here, bool is_there) const {
  const bool left = rest_->port == 0 ? is_here : is_there;
  const bool right = rest_->port == 0 ? is_there : is_here;
  switch (step_.type) {
    case JoinType::Inner:
      return left && right;
    case JoinType::Left:
      return left;
    case JoinType::Right:
      return right;
    case JoinType::Full:
      return left || right;
  }
  return false;
}

Status TableTableJoinOperator::take_block() {
  const Met met = TRY(look_up());
  context().slice.spend_rows(met.rows.size());
  Batch joined = join(met);
  const bool is_done = rest_->row == rest_->batch.rows;
  TRY(keep_and_push(std::move(joined), met));
  if (is_done) rest_.reset();
  return {};
}

// Of the next rows, as many as a block may have.
Result<TableTableJoinOperator::Met> TableTableJoinOperator::look_up() {
  Rest& rest = *rest_;
  KeyedTable& other = *tables_[1 - rest.port];
  const auto keys = rest.keys->data<std::string_view>();
  Met met;
  std::vector<StoredRow> found;
  size_t bytes = 0;
  const auto fetches = [&] { return other.rows().layers().fetches() + rows_.layers().fetches(); };
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  const size_t max_rows = context().slice.block_rows();
  for (; rest.row < rest.batch.rows && met.rows.size() < max_rows &&
         bytes < context().slice.block_bytes() && fetches() < max_fetches;
       ++rest.row) {
    const RowStore::Row* const row = TRY(other.rows().find(keys[rest.row]));
    met.rows.push_back(static_cast<uint32_t>(rest.row));
    if (!row) {
      met.others.push_back({kMissing, 0});
      continue;
    }
    met.others.push_back({kFound, static_cast<uint32_t>(found.size())});
    found.emplace_back(keys[rest.row], row);
    bytes += row->bytes.size();
  }
  met.found = TRY(other.rows_of(found));
  return met;
}

// One row for each; not present where the join has none.
Batch TableTableJoinOperator::join(const Met& met) const {
  const Rest& rest = *rest_;
  Batch own = rest.batch.gather(met.rows);
  Batch out;
  out.rows = own.rows;
  out.timestamps = std::move(own.timestamps);
  out.offsets = std::move(own.offsets);
  out.partition = own.partition;
  out.partitions = std::move(own.partitions);
  out.raw_headers = std::move(own.raw_headers);
  out.present = Bitmap(out.rows, false);
  for (size_t row = 0; row < out.rows; ++row) {
    const Column::SourceRow& other = met.others[row];
    if (other.source == kFound)
      out.timestamps[row] = std::max(out.timestamps[row], met.found.timestamps[other.row]);
    out.present.assign(row, gives_row(own.present.test(row), other.source == kFound));
  }
  const size_t others_first = rest.port == 0 ? 1 + left_columns_ : 1;
  std::vector<ColumnPtr> others;
  for (size_t i = 0; i < met.found.columns.size(); ++i) {
    const ColumnPtr& found = met.found.columns[i];
    if (!step_.used[others_first + i] || !found) {
      others.push_back(nullptr);
      continue;
    }
    Column missing(found->type());
    missing.append_null();
    const Column* sources[] = {found.get(), &missing};
    others.push_back(std::make_shared<const Column>(Column::merge(sources, met.others)));
  }
  const int key = rest.port == 0 ? step_.left_key : step_.right_key;
  out.columns.push_back(own.columns[static_cast<size_t>(key)]);
  // The key is set in a delete, too; as a column of a side that has no row it is null.
  if (!own.present.all()) {
    Column side_key = own.columns[static_cast<size_t>(key)]->clone();
    Column nulls(side_key.type());
    nulls.append_null();
    std::vector<Column::SourceRow> rows;
    for (uint32_t row = 0; row < out.rows; ++row)
      own.present.test(row) ? rows.push_back({0, row}) : rows.push_back({1, 0});
    const Column* sources[] = {&side_key, &nulls};
    own.columns[static_cast<size_t>(key)] =
        std::make_shared<const Column>(Column::merge(sources, rows));
  }
  std::vector<ColumnPtr>& left = rest.port == 0 ? own.columns : others;
  std::vector<ColumnPtr>& right = rest.port == 0 ? others : own.columns;
  std::ranges::move(left, std::back_inserter(out.columns));
  std::ranges::move(right, std::back_inserter(out.columns));
  return out;
}

// Changes of the table of joined rows; a delete of what was not there gives nothing.
Status TableTableJoinOperator::keep_and_push(Batch joined, const Met& met) {
  const auto keys = rest_->keys->data<std::string_view>();
  std::vector<const Column*> kept;
  for (const int index : kept_) kept.push_back(joined.columns[static_cast<size_t>(index)].get());
  std::vector<Column> old_columns;
  std::vector<Column*> old_pointers;
  for (const int index : kept_) old_columns.emplace_back(layout_[static_cast<size_t>(index)].type);
  for (Column& column : old_columns) old_pointers.push_back(&column);
  std::vector<uint32_t> changed;
  Bitmap old_present(joined.rows, false);
  Column changed_keys(TypeKind::Bytes);
  for (uint32_t row = 0; row < joined.rows; ++row) {
    const std::string_view key = keys[met.rows[row]];
    std::optional<RowStore::Row> before;
    if (joined.present.test(row)) {
      RowStore::Row now{{}, joined.timestamps[row]};
      encode_row(kept, row, now.bytes);
      before = TRY(rows_.put(key, std::move(now)));
    } else {
      before = TRY(rows_.erase(key));
      if (!before) continue;
    }
    changed.push_back(row);
    changed_keys.append(key);
    if (!step_.old_too) continue;
    if (before) {
      TRY(decode_row(before->bytes, old_pointers, RowStrings::Copy));
      old_present.set(row);
    } else {
      for (Column* column : old_pointers) column->append_null();
    }
  }
  const bool is_all = changed.size() == joined.rows;
  Batch out = is_all ? std::move(joined) : joined.gather(changed);
  changed_keys.share_strings_of(*rest_->keys);
  changed_keys.keep(rest_->keys);
  out.keys = std::make_shared<const Column>(std::move(changed_keys));
  if (step_.old_too) {
    out.old_present = Bitmap(out.rows, false);
    for (uint32_t row = 0; row < out.rows; ++row)
      out.old_present.assign(row, old_present.test(changed[row]));
    out.old_columns = out.columns;
    for (size_t i = 0; i < kept_.size(); ++i)
      out.old_columns[static_cast<size_t>(kept_[i])] =
          std::make_shared<const Column>(std::move(old_columns[i]));
    // Of a new row the key is set on both sides.
    out.old_columns.front() = out.columns.front();
  }
  return push(std::move(out));
}

void TableTableJoinOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void TableTableJoinOperator::own_rest() {
  if (!rest_) return;
  // Rows that are done stay for their numbers: the keys are counted by them.
  rest_->batch = rest_->batch.owned(0);
  rest_->keys = std::make_shared<const Column>(rest_->keys->copy());
}

// --- Reading the joined rows

Result<Batch> TableTableJoinOperator::rows_of(std::span<const StoredRow> rows) {
  Batch out;
  out.rows = rows.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const int index : kept_) columns.emplace_back(layout_[static_cast<size_t>(index)].type);
  for (Column& column : columns) pointers.push_back(&column);
  for (const auto& [key, row] : rows) {
    TRY(decode_row(row->bytes, pointers, RowStrings::Copy));
    out.timestamps.push_back(row->timestamp);
  }
  out.columns.resize(layout_.size());
  for (size_t i = 0; i < kept_.size(); ++i)
    out.columns[static_cast<size_t>(kept_[i])] =
        std::make_shared<const Column>(std::move(columns[i]));
  return out;
}

// In the order of the keys, each once, with ROWTIME behind the columns.
Result<Batch> TableTableJoinOperator::shown(std::vector<StoredRow> rows) {
  Batch out = TRY(rows_of(rows));
  Column times(TypeKind::Bigint);
  for (const int64_t time : out.timestamps) times.append(time);
  out.columns.push_back(std::make_shared<const Column>(std::move(times)));
  return out;
}

Result<Batch> TableTableJoinOperator::rows_under(TableLookUp& look_up, TaskSequence& as_of) {
  std::vector<StoredRow> rows;
  uint64_t changed_in = 0;
  size_t bytes = 0, passed = 0;
  const uint64_t max_fetches = rows_.layers().fetches() + Slice::kBlockFetches;
  while (!look_up.keys.empty() && rows_.layers().fetches() < max_fetches &&
         passed++ < kScannedAtOnce && bytes < kShownBytesAtOnce) {
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

TableScan TableTableJoinOperator::begin_scan() { return {rows_.begin_scan()}; }

Result<Batch> TableTableJoinOperator::next_rows(TableScan& scan, size_t entries, bool& is_last) {
  std::vector<StoredRow> rows;
  RowStore::Loose loose;
  size_t bytes = 0;
  const auto gather = [&](std::string_view key, const RowStore::Row& row) {
    rows.emplace_back(key, &row);
    bytes += row.bytes.size();
    return bytes < kShownBytesAtOnce;
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

}  // namespace engine
