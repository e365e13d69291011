#include "engine/query/table_view.h"

#include "engine/exec/used_columns.h"

namespace engine {

namespace {

// Tables up to this size are returned in the order of their keys. Sorting them takes no longer than
// a slice of a scan.
constexpr size_t kSortedEntries = 2'000;
constexpr size_t kSortedBytes = size_t{1} << 20;

Batch passing(const Program& filter, Batch rows, const EvalContext& eval) {
  RowErrors errors(rows.rows);
  const std::vector<uint32_t> chosen = filter.select(rows.columns, rows.rows, eval, errors);
  return chosen.size() == rows.rows ? std::move(rows) : rows.gather(chosen);
}

// Returns the columns of the table, which are computed from the columns of the store's rows. Columns that are not
// used are null pointers.
std::vector<ColumnPtr> table_columns(const MaterializationPlan& plan, const std::vector<bool>& used,
                                     const Batch& rows) {
  std::vector<ColumnPtr> columns;
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const BoundExpression& column = plan.columns[i];
    if (!used[i])
      columns.push_back(nullptr);
    else if (const auto place = as_column(column))
      columns.push_back(rows.columns[*place]);
    else
      columns.push_back(constant_column(column.type, column.literal, rows.rows));
  }
  return columns;
}

// Returns for each column of the store's rows whether the used columns of the table need it; nullopt if a used column of
// the table is computed. System columns that a table does not keep are nulls.
std::optional<std::vector<bool>> used_of_store(const MaterializationPlan& plan,
                                               const std::vector<bool>& used) {
  std::vector<bool> of_store;
  const auto use = [&](uint32_t place) {
    if (of_store.size() <= place) of_store.resize(place + 1);
    of_store[place] = true;
  };
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    if (!used[i]) continue;
    const auto place = as_column(plan.columns[i]);
    if (place)
      use(*place);
    else if (plan.columns[i].kind != BoundKind::Literal)
      return std::nullopt;
  }
  if (plan.filter)
    for (const uint32_t place : referenced_columns({&*plan.filter, 1})) use(place);
  return of_store;
}

}  // namespace

TableView::TableView(const MaterializationPlan& plan, Task& task)
    : plan_(plan), task_(task), columns_(plan.columns) {
  if (plan.filter) filter_.emplace(*plan.filter);
}

Result<Batch> TableView::shape(Batch rows, const EvalContext& eval) const {
  if (filter_) rows = passing(*filter_, std::move(rows), eval);
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
  const std::vector<bool>* const used = UsedColumns::current();
  const std::optional<std::vector<bool>> of_store =
      used ? used_of_store(plan_, *used) : std::nullopt;
  // The filter of the scan reads columns of the table. It is passed on if all of them are columns of the store's rows.
  const EarlyFilter* const filter = UsedColumns::filter();
  std::optional<EarlyFilter> of_rows;
  if (filter && of_store && !filter_)
    if (auto columns = used_of_store(plan_, filter->columns))
      of_rows = EarlyFilter{*std::move(columns), [&](const Batch& rows) {
                              Batch seen = rows;
                              seen.columns = table_columns(plan_, filter->columns, rows);
                              return filter->needed(seen);
                            }};
  const UsedColumns in_use(of_store ? &*of_store : nullptr, of_rows ? &*of_rows : nullptr);
  Batch rows = TRY(table().next_rows(scan, entries, slice.is_last));
  change.end();
  if (!of_store) {
    slice.rows = TRY(shape(std::move(rows), eval));
    return slice;
  }
  if (filter_) rows = passing(*filter_, std::move(rows), eval);
  rows.columns = table_columns(plan_, *used, rows);
  slice.rows = std::move(rows);
  return slice;
}

}  // namespace engine
