#include "engine/query/table_view.h"

namespace engine {

namespace {

// Tables up to this size are returned in the order of their keys. Sorting them takes no longer than
// a slice of a scan.
constexpr size_t kSortedEntries = 2'000;
constexpr size_t kSortedBytes = size_t{1} << 20;

}  // namespace

TableView::TableView(const MaterializationPlan& plan, Task& task)
    : plan_(plan), task_(task), columns_(plan.columns) {
  if (plan.filter) filter_.emplace(*plan.filter);
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

Result<Batch> TableView::find(TableLookUp& look_up, const EvalContext& eval, TaskSequence& as_of) {
  TRY(readable());
  ReadGate::Change change(task_.gate());
  Batch rows = TRY(table().rows_under(look_up, as_of));
  change.end();
  return shape(std::move(rows), eval);
}

Result<std::optional<Batch>> TableView::find_durable(const std::string& key) const {
  if (task_.failure() || !readable() || !store().layers().is_complete())
    return std::optional<Batch>();
  TableLookUp look_up{{&key, 1}};
  TaskSequence as_of;
  std::optional<Batch> row = TRY(table().rows_under(look_up, as_of));
  if (!look_up.keys.empty() || as_of > task_.last_durable()) row.reset();
  return row;
}

bool TableView::is_small() const {
  return store().size() <= kSortedEntries && store().memory_bytes() <= kSortedBytes;
}

TableScan TableView::begin_scan() {
  const ReadGate::Change change(task_.gate());
  TableScan scan = table().begin_scan();
  if (is_small()) scan.order = TableScan::Order::ByKey;
  return scan;
}

Result<TableView::Slice> TableView::next_rows(TableScan& scan, size_t entries,
                                              const EvalContext& eval) {
  if (scan.order == TableScan::Order::ByKey) entries = kSortedEntries;
  TRY(readable());
  Slice slice;
  ReadGate::Change change(task_.gate());
  Batch rows = TRY(table().next_rows(scan, entries, slice.is_last));
  change.end();
  slice.rows = TRY(shape(std::move(rows), eval));
  return slice;
}

}  // namespace engine
