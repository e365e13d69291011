#include "engine/exec/stream_table_join.h"

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cassert>

namespace engine {

struct StreamTableJoinOperator::Matches {
  std::vector<uint32_t> rows;  // numbers of rows in the batch
  // For each of `rows`, its row in `found`, or the single row of nulls.
  std::vector<Column::SourceRow> table_rows;
  Batch found;  // the table rows that match, each of them once
};

namespace {

// sources that Matches::table_rows refers to
constexpr uint32_t kFoundInTable = 0, kMissingInTable = 1;

}  // namespace

Result<std::unique_ptr<StreamTableJoinOperator>> StreamTableJoinOperator::make(
    TaskContext& context, const StreamTableJoinStep& step, const LayoutColumn& key,
    InputOperator& table) {
  std::unique_ptr<StreamTableJoinOperator> made(new StreamTableJoinOperator(context, step, table));
  const ColumnDef column{key.name, key.type, ColumnRole::Key};
  made->key_writer_ = TRY(make_writer(step.key_format, {&column, 1}, Side::Key));
  return made;
}

Status StreamTableJoinOperator::process(Batch batch, size_t) {
  assert(!has_rest());
  const Column* key_column = batch.columns[static_cast<size_t>(step_.stream_key)].get();
  rest_keys_.clear();
  key_writer_->write({&key_column, 1}, {0, batch.rows}, nullptr, rest_keys_);
  if (!rest_keys_.problems.empty())
    return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                 rest_keys_.problems.front().message};
  rest_ = std::move(batch);
  row_ = 0;
  return resume();
}

Status StreamTableJoinOperator::resume() {
  while (has_rest() && !is_blocked()) {
    const Matches matches = TRY(look_up());
    std::vector<ColumnPtr> added = table_columns(matches);
    const bool is_all = matches.rows.size() == rest_.rows;
    Batch out = is_all ? std::move(rest_) : rest_.gather(matches.rows);
    if (is_all || row_ == rest_.rows) rest_ = {};
    out.columns.insert(out.columns.end(), added.begin(), added.end());
    TRY(push(std::move(out)));
    if (context().slice.is_spent()) break;
  }
  return {};
}

void StreamTableJoinOperator::visit_rest(const VisitRecord& visit) const {
  for (size_t row = row_; row < rest_.rows; ++row)
    visit(rest_.partition_of(row), rest_.offsets[row]);
}

void StreamTableJoinOperator::own_rest() {
  if (has_rest()) rest_ = rest_.owned(0);
}

// Fetches the table rows of the next records together, before look_up() reads them one by one.
void StreamTableJoinOperator::prefetch_rows() {
  std::array<std::string_view, RowStore::kPrefetchedAtOnce> keys;
  size_t count = 0;
  for (size_t row = row_; row < rest_.rows && count < keys.size(); ++row, ++count)
    keys[count] = rest_keys_[row].value_or("");
  table_.store()->prefetch(std::span(keys).first(count));
}

Result<StreamTableJoinOperator::Matches> StreamTableJoinOperator::look_up() {
  const Column& key_column = *rest_.columns[static_cast<size_t>(step_.stream_key)];
  Matches matches;
  std::vector<InputOperator::StoredRow> found;
  // position of each table row in `found`
  absl::flat_hash_map<const RowStore::Row*, uint32_t> places;
  size_t bytes = 0;
  const Layers& layers = table_.store()->layers();
  const uint64_t max_fetches = layers.fetches() + Slice::kBlockFetches;
  const size_t begin = row_;
  for (;
       row_ < rest_.rows && bytes < context().slice.block_bytes() && layers.fetches() < max_fetches;
       ++row_) {
    const auto row = static_cast<uint32_t>(row_);
    if ((row_ - begin) % RowStore::kPrefetchedAtOnce == 0) prefetch_rows();
    if (!rest_.present.test(row)) continue;
    const std::optional<std::string_view> key = rest_keys_[row];
    const bool has_key = key && !key_column.is_null(row);
    const RowStore::Row* match = has_key ? TRY(table_.store()->find(*key)) : nullptr;
    if (!match && step_.type == JoinType::Inner) continue;
    matches.rows.push_back(row);
    if (!match) {
      matches.table_rows.push_back({kMissingInTable, 0});
      continue;
    }
    const auto [place, is_new] = places.try_emplace(match, static_cast<uint32_t>(found.size()));
    if (is_new) found.emplace_back(*key, match);
    bytes += match->bytes.size();
    matches.table_rows.push_back({kFoundInTable, place->second});
  }
  matches.found = TRY(table_.rows_of(found));
  return matches;
}

std::vector<ColumnPtr> StreamTableJoinOperator::table_columns(const Matches& matches) const {
  const std::vector<bool>& used = table_.step().used;
  std::vector<ColumnPtr> columns;
  for (size_t i = 0; i < matches.found.columns.size(); ++i) {
    const ColumnPtr& found = matches.found.columns[i];
    if (!used[i] || !found) {
      columns.push_back(nullptr);
      continue;
    }
    Column missing(found->type());
    missing.append_null();
    const Column* sources[] = {found.get(), &missing};
    columns.push_back(std::make_shared<const Column>(Column::merge(sources, matches.table_rows)));
  }
  return columns;
}

}  // namespace engine
