#include "engine/exec/table_table_join.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace engine {

namespace {

constexpr uint32_t kFound = 0, kMissing = 1;  // sources that Met::others refers to

}  // namespace

TableTableJoinOperator::TableTableJoinOperator(TaskContext& context, const TableTableJoinStep& step,
                                               const Layout& layout, size_t left_columns,
                                               KeyedTable& left, KeyedTable& right)
    : JoinedTableOperator(context, layout, step.used, step.old_too),
      step_(step),
      left_columns_(left_columns),
      tables_{&left, &right} {}

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
    if (!may_go_on()) return {};
  }
  return rest_ ? Status{} : show_some();
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
  const bool is_done = rest_->row == rest_->batch.rows;
  TRY(keep_and_push(join(met), met));
  if (is_done) rest_.reset();
  return {};
}

// Looks up the rows of the other side for the next changes, as many as fit into a block.
Result<TableTableJoinOperator::Met> TableTableJoinOperator::look_up() {
  Rest& rest = *rest_;
  KeyedTable& other = *tables_[1 - rest.port];
  const auto keys = rest.keys->data<std::string_view>();
  Met met;
  std::vector<StoredRow> found;
  size_t bytes = 0;
  const auto fetches = [&] { return other.rows().layers().fetches() + rows().layers().fetches(); };
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  const size_t max_rows = context().slice.block_rows();
  for (; rest.row < rest.batch.rows && met.rows.size() < max_rows &&
         bytes < context().slice.block_bytes() && fetches() < max_fetches;
       ++rest.row) {
    if (met.rows.size() % RowStore::kPrefetchedAtOnce == 0) {
      other.rows().prefetch(keys.subspan(rest.row));
      rows().prefetch(keys.subspan(rest.row));
    }
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

// Returns one row per change; the row is absent if the join has no row for its key.
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
  // In the row of a deleted key, the key column of the deleted side still has a value. The joined
  // row takes its own key from it, but must have a null in the column of the absent side.
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

// Applies the changes to the table of joined rows, and pushes them. A delete of a row that did not
// exist gives no output.
Status TableTableJoinOperator::keep_and_push(Batch joined, const Met& met) {
  const ColumnPtr key_column = rest_->keys;
  const auto keys = key_column->data<std::string_view>();
  Changes changes(*this, joined);
  for (uint32_t row = 0; row < joined.rows; ++row) TRY(changes.apply(row, keys[met.rows[row]]));
  return give(changes.take(std::move(joined), 1, key_column));
}

void TableTableJoinOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void TableTableJoinOperator::own_rest() {
  if (!rest_) return;
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  rest_->batch = rest_->batch.owned(0);
  rest_->keys = std::make_shared<const Column>(rest_->keys->copy());
}

}  // namespace engine
