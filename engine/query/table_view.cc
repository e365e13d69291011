#include "engine/query/table_view.h"

#include <algorithm>

namespace engine {

namespace {

std::vector<const GroupSlot*> groups_of(AggregateOperator& keeper,
                                        const std::vector<std::string>* keys) {
  std::vector<const GroupSlot*> groups;
  const auto note = [&](const GroupSlot& group) {
    if (keeper.is_shown(group)) groups.push_back(&group);
  };
  if (keys)
    for (const std::string& key : *keys) keeper.store().for_each_window(key, note);
  else
    keeper.store().for_each(note);
  std::ranges::sort(groups, [](const GroupSlot* a, const GroupSlot* b) {
    return *a->key != *b->key ? *a->key < *b->key : a->window_start < b->window_start;
  });
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::vector<InputOperator::StoredRow> rows_of(RowStore& store, const std::vector<std::string>* keys,
                                              bool is_windowed) {
  // The bounds of a window stand behind the key: at least its start.
  constexpr size_t kBoundBytes = 8;
  std::vector<InputOperator::StoredRow> rows;
  const auto note = [&](std::string_view key, const RowStore::Row& row) {
    rows.emplace_back(key, &row);
  };
  if (!keys) store.for_each(note);
  for (size_t i = 0; keys && i < keys->size(); ++i) {
    const std::string& key = (*keys)[i];
    if (!is_windowed) {
      if (const RowStore::Row* row = store.find(key)) note(key, *row);
      continue;
    }
    store.for_each_from(key, [&](std::string_view stored, const RowStore::Row& row) {
      if (stored.size() >= key.size() + kBoundBytes) note(stored, row);
    });
  }
  std::ranges::sort(rows, {}, &InputOperator::StoredRow::first);
  const auto same = std::ranges::unique(rows, {}, &InputOperator::StoredRow::first);
  rows.erase(same.begin(), same.end());
  return rows;
}

// Tables up to this size are shown in the order of their keys: sorting takes no longer than a slice
// of a scan.
constexpr size_t kSortedEntries = 2'000;
constexpr size_t kSliceBytes = 256 * 1024;

}  // namespace

TableView::TableView(const MaterializationPlan& plan, Task& task)
    : plan_(plan), task_(task), columns_(plan.columns) {
  if (plan.filter) filter_.emplace(*plan.filter);
}

Result<Batch> TableView::rows_by_key(const std::vector<std::string>* keys) {
  Operator* keeper = task_.stage().keeper_of(plan_.store);
  if (auto* aggregate = dynamic_cast<AggregateOperator*>(keeper))
    return aggregate->rows_of(groups_of(*aggregate, keys));
  auto* input = dynamic_cast<InputOperator*>(keeper);
  assert(input);  // nothing else keeps a store that a table is made of
  return input->rows_of(engine::rows_of(*input->store(), keys, plan_.is_windowed));
}

Result<Batch> TableView::rows_by_place(StoreCursor& cursor, size_t entries, bool& is_last) {
  Operator* keeper = task_.stage().keeper_of(plan_.store);
  if (auto* aggregate = dynamic_cast<AggregateOperator*>(keeper)) {
    std::vector<const GroupSlot*> groups;
    const int64_t oldest = aggregate->oldest_kept_start();
    is_last = !aggregate->store().scan(cursor, entries, [&](const GroupSlot& group) {
      if (group.window_start >= oldest && group.emitted) groups.push_back(&group);
    });
    return aggregate->rows_of(groups);
  }
  auto* input = dynamic_cast<InputOperator*>(keeper);
  assert(input);
  std::vector<InputOperator::StoredRow> rows;
  size_t bytes = 0;
  is_last =
      !input->store()->scan(cursor, entries, [&](std::string_view key, const RowStore::Row& row) {
        rows.emplace_back(key, &row);
        bytes += key.size() + row.bytes.size();
        return bytes < kSliceBytes;
      });
  return input->rows_of(rows);
}

Result<Batch> TableView::shape(Batch rows, const EvalContext& eval) const {
  if (filter_) {
    RowErrors errors(rows.rows);
    const std::vector<uint32_t> passing = filter_->select(rows.columns, rows.rows, eval, errors);
    if (passing.size() != rows.rows) rows = rows.gather(passing);
  }
  std::vector<ColumnPtr> columns;
  for (Evaluated& result : columns_.run(rows.columns, rows.rows, eval))
    columns.push_back(std::move(result.column));
  rows.columns = std::move(columns);
  return rows;
}

Result<Batch> TableView::find(std::span<const std::string> keys, const EvalContext& eval) {
  const std::vector<std::string> wanted(keys.begin(), keys.end());
  return shape(TRY(rows_by_key(&wanted)), eval);
}

Result<TableView::Slice> TableView::scan(StoreCursor& cursor, size_t entries,
                                         const EvalContext& eval) {
  const bool has_begun = cursor.born_until != 0;
  if (!has_begun && size() <= kSortedEntries)
    return Slice{TRY(shape(TRY(rows_by_key(nullptr)), eval)), true};
  Slice slice;
  slice.rows = TRY(shape(TRY(rows_by_place(cursor, entries, slice.is_last)), eval));
  return slice;
}

}  // namespace engine
