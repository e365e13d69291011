#include "server/sql/write/returning.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/system_sources.h"
#include "engine/expr/bind.h"
#include "engine/expr/program.h"
#include "engine/functions/session_zone.h"
#include "engine/plan/insert_values.h"
#include "engine/sql/result_name.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

ReturnedValue column_of(const engine::DataSource& target, size_t place, const std::string& name) {
  const engine::ColumnDef& column = target.schema.columns[place];
  return {engine::display_name(name),
          engine::column_expression(column.type, static_cast<uint32_t>(place)), column.name};
}

// Finds the column for a name without a source. A name in double quotes also finds a column of the
// dialect, whose name is in upper case.
Result<ReturnedValue> returned_column(const engine::ColumnRef& column,
                                      const engine::SelectItem& item,
                                      const engine::DataSource& target,
                                      const engine::PlanContext& context) {
  const int index = engine::find_insert_column({column.name, item.position}, target, context);
  if (index < 0 || !engine::is_written(target.schema.columns[static_cast<size_t>(index)]))
    return Error{ErrorCode::UndefinedColumn,
                 fmt::format("column \"{}\" does not exist", column.name.text)}
        .at(item.position);
  const auto place = static_cast<size_t>(index);
  return column_of(target, place,
                   item.alias ? item.alias->text : target.schema.columns[place].name);
}

// Checks the source that a column or a star names.
Status check_source(const engine::Name& source, const engine::DataSource& target,
                    const ReturningNames& names, TextPosition at) {
  const std::string own = target.name.substr(target.name.find('.') + 1);
  if (engine::equals_ignoring_case(source.text, names.alias.empty() ? own : names.alias)) return {};
  if (std::ranges::find(names.others, source.text) != names.others.end())
    return Error{ErrorCode::NotSupported,
                 "RETURNING with columns of other tables than the target is not supported yet", "",
                 "Store the value in a column of the table, or use a SELECT."}
        .at(at);
  return Error{ErrorCode::UndefinedSource, fmt::format("missing FROM-clause entry for table \"{}\"",
                                                       engine::display_name(source.text))}
      .at(at);
}

Status check_sources(const engine::SelectItem& item, const engine::DataSource& target,
                     const ReturningNames& names) {
  if (item.kind == engine::SelectItemKind::AllColumns && !item.source && !names.others.empty())
    return Error{ErrorCode::NotSupported,
                 "RETURNING * of a statement that reads other tables is not supported yet", "",
                 fmt::format("RETURNING {}.* returns the columns of the target.",
                             engine::display_name(names.alias.empty() ? target.name : names.alias))}
        .at(item.position);
  if (item.source) TRY(check_source(*item.source, target, names, item.position));
  const auto check = [&](const auto& self, const engine::Expression& each) -> Status {
    if (const auto* column = each.as<engine::ColumnRef>(); column && column->source)
      TRY(check_source(*column->source, target, names, each.position));
    for (const engine::Expression* child : engine::children(each)) TRY(self(self, *child));
    return {};
  };
  return item.expression ? check(check, *item.expression) : Status();
}

}  // namespace

Result<Returning> bind_returning(std::span<const engine::SelectItem> items,
                                 const engine::DataSource& target, const ReturningNames& names,
                                 const engine::PlanContext& context) {
  const std::string& alias = names.alias;
  engine::Layout layout;
  for (const engine::ColumnDef& column : target.schema.columns)
    layout.push_back({alias.empty() ? target.name : alias, column.name, column.type});
  engine::Scope scope(layout, "RETURNING");
  scope.custom_types = &context.catalog.types;
  scope.fold_quoted_names = context.fold_quoted_names;
  scope.texts_take_types = !context.settings.ksqldb_compat;
  scope.forms = engine::session_forms(context.properties);
  scope.parameters = context.parameters;
  Returning returning;
  for (const engine::SelectItem& item : items) {
    TRY(check_sources(item, target, names));
    if (item.kind == engine::SelectItemKind::AllColumns) {
      for (const size_t place : engine::shown_columns(target))
        if (engine::is_written(target.schema.columns[place]))
          returning.push_back(column_of(target, place, target.schema.columns[place].name));
    } else if (const auto* column = item.expression->as<engine::ColumnRef>();
               column && !engine::call_of_word(*column, item.position)) {
      returning.push_back(TRY(returned_column(*column, item, target, context)));
    } else if (engine::contains_aggregate(*item.expression)) {
      return Error{ErrorCode::GroupingError, "aggregate functions are not allowed in RETURNING"}.at(
          item.position);
    } else {
      returning.push_back({item.alias ? engine::display_name(item.alias->text)
                                      : engine::result_name(*item.expression),
                           TRY(engine::bind(*item.expression, scope)),
                           {}});
    }
  }
  return returning;
}

Result<std::vector<engine::ColumnPtr>> returned_rows(const Returning& returning,
                                                     const engine::DataSource& target,
                                                     std::span<const engine::ColumnPtr> written,
                                                     size_t rows,
                                                     const engine::EvalContext& context) {
  std::vector<engine::ColumnPtr> columns(written.begin(), written.end());
  for (size_t place = 0; place < columns.size(); ++place) {
    if (columns[place]) continue;
    auto nulls = std::make_shared<engine::Column>(target.schema.columns[place].type);
    nulls->resize(rows);
    columns[place] = std::move(nulls);
  }
  std::vector<engine::BoundExpression> expressions;
  for (const ReturnedValue& each : returning) expressions.push_back(each.value);
  std::vector<engine::ColumnPtr> values;
  for (engine::Evaluated& each : engine::Program(expressions).run(columns, rows, context)) {
    if (!each.errors.messages().empty())
      return Error{each.errors.messages().front().code, each.errors.messages().front().text};
    values.push_back(std::move(each.column));
  }
  return values;
}

}  // namespace server
