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
  std::vector<InputOperator::StoredRow> rows;
  const auto matches = [&](std::string_view stored) {
    return std::ranges::any_of(*keys, [&](const std::string& key) {
      return stored.size() >= key.size() + 8 && stored.starts_with(key);
    });
  };
  if (keys && !is_windowed) {
    for (const std::string& key : *keys)
      if (const RowStore::Row* row = store.find(key)) rows.emplace_back(key, row);
  } else {
    store.for_each([&](std::string_view key, const RowStore::Row& row) {
      if (!keys || matches(key)) rows.emplace_back(key, &row);
    });
  }
  std::ranges::sort(rows, {}, &InputOperator::StoredRow::first);
  const auto same = std::ranges::unique(rows, {}, &InputOperator::StoredRow::first);
  rows.erase(same.begin(), same.end());
  return rows;
}

}  // namespace

TableView::TableView(const MaterializationPlan& plan, Task& task)
    : plan_(plan), task_(task), columns_(plan.columns) {
  if (plan.filter) filter_.emplace(*plan.filter);
}

Result<Batch> TableView::stored_rows(const std::vector<std::string>* keys) {
  Operator* keeper = task_.stage().keeper_of(plan_.store);
  if (auto* aggregate = dynamic_cast<AggregateOperator*>(keeper))
    return aggregate->rows_of(groups_of(*aggregate, keys));
  auto* input = dynamic_cast<InputOperator*>(keeper);
  assert(input);  // nothing else keeps a store that a table is made of
  return input->rows_of(engine::rows_of(*input->store(), keys, plan_.is_windowed));
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
  return shape(TRY(stored_rows(&wanted)), eval);
}

Result<Batch> TableView::scan(const EvalContext& eval) {
  return shape(TRY(stored_rows(nullptr)), eval);
}

}  // namespace engine
