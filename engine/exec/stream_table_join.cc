#include "engine/exec/stream_table_join.h"

#include <absl/container/flat_hash_map.h>

namespace engine {

struct StreamTableJoinOperator::Matches {
  std::vector<uint32_t> rows;  // of the batch
  // For each of them its row in `found`, or in the batch of one row of nulls that comes after it.
  std::vector<Column::SourceRow> table_rows;
  Batch found;  // the table's rows, each once
};

namespace {

constexpr uint32_t kFound = 0, kMissing = 1;  // sources of Matches::table_rows

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
  const Matches matches = TRY(look_up(batch));
  std::vector<ColumnPtr> added = table_columns(matches);
  Batch out = matches.rows.size() == batch.rows ? std::move(batch) : batch.gather(matches.rows);
  out.columns.insert(out.columns.end(), added.begin(), added.end());
  return push(std::move(out));
}

Result<StreamTableJoinOperator::Matches> StreamTableJoinOperator::look_up(const Batch& batch) {
  const Column* key_column = batch.columns[static_cast<size_t>(step_.stream_key)].get();
  EncodedRows keys;
  key_writer_->write({&key_column, 1}, {0, batch.rows}, nullptr, keys);
  if (!keys.problems.empty())
    return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                 keys.problems.front().message};

  Matches matches;
  std::vector<InputOperator::StoredRow> found;
  absl::flat_hash_map<const RowStore::Row*, uint32_t> places;  // in `found`
  for (uint32_t row = 0; row < batch.rows; ++row) {
    if (!batch.present.test(row)) continue;
    const bool has_key = keys[row] && !key_column->is_null(row);
    const RowStore::Row* match = has_key ? table_.store()->find(*keys[row]) : nullptr;
    if (!match && step_.type == JoinType::Inner) continue;
    matches.rows.push_back(row);
    if (!match) {
      matches.table_rows.push_back({kMissing, 0});
      continue;
    }
    const auto [place, is_new] = places.try_emplace(match, static_cast<uint32_t>(found.size()));
    if (is_new) found.emplace_back(*keys[row], match);
    matches.table_rows.push_back({kFound, place->second});
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
