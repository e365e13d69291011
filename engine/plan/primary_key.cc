#include "engine/plan/primary_key.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/plan/source_formats.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

ColumnDef* find_column(Schema& schema, const Name& name) {
  int index = schema.index_of(name.text);
  if (index < 0 && name.quoting == Quoting::Double)
    index = schema.index_of(absl::AsciiStrToUpper(name.text));
  return index < 0 ? nullptr : &schema.columns[static_cast<size_t>(index)];
}

}  // namespace

Result<std::shared_ptr<const DataSource>> plan_primary_key(const AddPrimaryKey& add,
                                                           const DataSource& source,
                                                           const EngineSettings& settings) {
  if (!source.schema.has_row_id())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("multiple primary keys for table \"{}\" are not allowed", source.name)}
        .at(add.table.position);
  auto keyed = std::make_shared<DataSource>(source);
  std::vector<ColumnDef>& columns = keyed->schema.columns;
  std::erase_if(columns, is_row_id);
  for (const TableName& key : add.columns) {
    ColumnDef* column = find_column(keyed->schema, key.name);
    if (!column)
      return Error{ErrorCode::UndefinedColumn,
                   fmt::format("column \"{}\" of relation \"{}\" does not exist",
                               display_name(key.name.text), display_name(source.name))}
          .at(key.position);
    if (column->role == ColumnRole::Key)
      return Error{
          ErrorCode::DuplicateColumn,
          fmt::format("column \"{}\" appears twice in primary key constraint", column->name)}
          .at(key.position);
    column->role = ColumnRole::Key;
    column->is_not_null = true;
  }
  // Keys must be first in the schema. column_order keeps the old order for rows that are written without column
  // names.
  const auto is_key = [](const ColumnDef& column) { return column.role == ColumnRole::Key; };
  if (!std::ranges::is_partitioned(columns, is_key)) {
    keyed->column_order.clear();
    for (const size_t index : shown_columns(source))
      keyed->column_order.push_back(source.schema.columns[index].name);
    std::ranges::stable_partition(columns, is_key);
  }
  keyed->key_format = FormatSpec{keyed->schema.key_count() == 1 ? "KAFKA" : "JSON"};
  TRY(fit_formats({keyed->key_format, keyed->value_format}, keyed->schema, {}));
  keyed->partitions = settings.num_partitions;
  return std::shared_ptr<const DataSource>(std::move(keyed));
}

}  // namespace engine
