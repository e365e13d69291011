#include "engine/plan/alter_columns.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/ddl.h"
#include "engine/plan/source_formats.h"
#include "engine/plan/source_schema.h"
#include "engine/sql/parse.h"
#include "engine/types/ascii.h"
#include "engine/types/row_limit.h"

namespace engine {

namespace {

// Returns the index of the column with this name; -1 if it does not exist.
int index_of(const Schema& schema, const Name& name) {
  int index = schema.index_of(name.text);
  if (index < 0 && name.quoting == Quoting::Double)
    index = schema.index_of(absl::AsciiStrToUpper(name.text));
  return index >= 0 && is_row_id(schema.columns[static_cast<size_t>(index)]) ? -1 : index;
}

class Alteration {
 public:
  Alteration(const DataSource& source, const CustomTypes& types)
      : source_(source), types_(types), table_(std::make_shared<DataSource>(source)) {
    // order_ has the columns in the order in which clients see them. Each change below is applied
    // to order_, too, so that the rewritten table keeps this order.
    for (const size_t index : shown_columns(source))
      order_.push_back(source.schema.columns[index].name);
    for (const ColumnDef& column : source.schema.columns)
      values_.push_back(quote_if_needed(column.name));
  }

  Status drop(const AlterColumns::Dropped& drop) {
    const TableName& name = drop.column;
    if (drop.if_exists && index_of(table_->schema, name.name) < 0) {
      notices_.push_back(fmt::format("column \"{}\" of relation \"{}\" does not exist, skipping",
                                     display_name(name.name.text), display_name(source_.name)));
      return {};
    }
    const size_t index = TRY(find(name));
    TRY(check_no_key(index, "to drop", name.position));
    const std::string dropped = columns()[index].name;
    std::erase(order_, dropped);
    table_->comments.erase(dropped);
    columns().erase(columns().begin() + static_cast<std::ptrdiff_t>(index));
    values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
  }

  Status rename(const AlterColumns::Renamed& renamed) {
    const size_t index = TRY(find(renamed.column));
    const std::string& to = renamed.name.text;
    if (table_->schema.index_of(to) >= 0 || is_system_column(to) || to == kRowId)
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("column \"{}\" of relation \"{}\" already exists", to, source_.name)}
          .at(renamed.column.position);
    const std::string from = std::exchange(columns()[index].name, to);
    std::ranges::replace(order_, from, to);
    if (auto comment = table_->comments.extract(from)) {
      comment.key() = to;
      table_->comments.insert(std::move(comment));
    }
    return {};
  }

  Status retype(const AlterColumns::Retyped& retyped) {
    const size_t index = TRY(find(retyped.column));
    TRY(check_no_key(index, "to change the type of", retyped.column.position));
    ColumnDef& column = columns()[index];
    if (column.is_serial)
      return Error{ErrorCode::NotSupported,
                   "changing the type of a SERIAL column is not supported yet"}
          .at(retyped.column.position);
    column.type = TRY(resolve_type(retyped.type, types_));
    const std::string value = retyped.using_sql.empty() ? values_[index] : retyped.using_sql;
    values_[index] = fmt::format("CAST({} AS {})", value, column.type.to_string());
    return {};
  }

  Status set_nullability(const AlterColumns::Nullability& changed) {
    ColumnDef& column = columns()[TRY(find(changed.column))];
    if (!changed.is_not_null && column.role == ColumnRole::Key)
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("column \"{}\" is in a primary key", display_name(column.name))}
          .at(changed.column.position);
    column.is_not_null = changed.is_not_null;
    return {};
  }

  Status add(const TableElement& element) {
    if (index_of(table_->schema, element.name) >= 0) {
      std::string exists = column_exists(element, source_);
      if (!element.if_not_exists)
        return Error{ErrorCode::DuplicateColumn, std::move(exists)}.at(element.position);
      notices_.push_back(std::move(exists) + ", skipping");
      return {};
    }
    if (element.constraint != ColumnConstraint::None)
      return Error{ErrorCode::NotSupported,
                   "adding a column to the primary key is not supported yet"}
          .at(element.position);
    TRY(check_no_serial({element}, types_));
    const Schema added = TRY(read_schema({&element, 1}, types_, ColumnTypes::OfPostgres));
    const ColumnDef& column = added.columns.front();
    values_.push_back(fmt::format("CAST({} AS {})",
                                  column.default_sql.empty() ? "NULL" : column.default_sql,
                                  column.type.to_string()));
    order_.push_back(column.name);
    columns().push_back(column);
    return {};
  }

  Result<AlteredTable> finish() && {
    if (order_.empty())
      return Error{ErrorCode::NotSupported, "a table without columns is not supported yet"};
    size_t fields = 0;
    for (const ColumnDef& column : columns()) fields += field_count(column.type);
    if (fields > kMaxRowFields) return too_many_fields();
    TRY(fit_formats({table_->key_format, table_->value_format}, table_->schema, {}));
    std::vector<std::string> plain;
    for (const ColumnDef& column : columns())
      if (!is_row_id(column)) plain.push_back(column.name);
    table_->column_order = plain == order_ ? std::vector<std::string>() : std::move(order_);
    return AlteredTable{std::move(table_), std::move(values_), std::move(notices_)};
  }

 private:
  std::vector<ColumnDef>& columns() { return table_->schema.columns; }

  Result<size_t> find(const TableName& name) const {
    if (const int index = index_of(table_->schema, name.name); index >= 0)
      return static_cast<size_t>(index);
    return Error{ErrorCode::UndefinedColumn,
                 fmt::format("column \"{}\" of relation \"{}\" does not exist",
                             display_name(name.name.text), display_name(source_.name))}
        .at(name.position);
  }

  Status check_no_key(size_t index, std::string_view what, TextPosition at) {
    if (columns()[index].role != ColumnRole::Key) return {};
    return Error{ErrorCode::NotSupported,
                 fmt::format("{} a column of a primary key is not supported yet", what),
                 {},
                 "Create another table, and use INSERT ... SELECT to copy the rows."}
        .at(at);
  }

  const DataSource& source_;
  const CustomTypes& types_;
  std::shared_ptr<DataSource> table_;
  std::vector<std::string> order_, values_, notices_;
};

}  // namespace

Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types) {
  Alteration alteration(source, types);
  for (const AlterColumns::Dropped& column : alter.dropped) TRY(alteration.drop(column));
  for (const AlterColumns::Renamed& column : alter.renamed) TRY(alteration.rename(column));
  for (const AlterColumns::Retyped& column : alter.retyped) TRY(alteration.retype(column));
  for (const AlterColumns::Nullability& column : alter.nullability)
    TRY(alteration.set_nullability(column));
  for (const TableElement& element : alter.added) TRY(alteration.add(element));
  return std::move(alteration).finish();
}

bool changes_nothing(const AlterColumns& alter, const DataSource& source) {
  return alter.renamed.empty() && alter.retyped.empty() && alter.nullability.empty() &&
         std::ranges::all_of(alter.dropped,
                             [&](const AlterColumns::Dropped& drop) {
                               return drop.if_exists &&
                                      index_of(source.schema, drop.column.name) < 0;
                             }) &&
         std::ranges::all_of(alter.added, [&](const TableElement& element) {
           return element.if_not_exists && index_of(source.schema, element.name) >= 0;
         });
}

}  // namespace engine
