// Converts INSERT, UPDATE and DELETE in PostgreSQL's syntax.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/pgsql/convert.h"
#include "engine/sql/default_value.h"

namespace engine::pgsql {

Result<Statement> Converter::insert(const Fields& fields) const {
  const TableName target = TRY(existing_relation(*fields.part("relation")));
  std::vector<TableName> columns;
  for (const Node& column : pgsql::children(fields, "cols")) {
    const TextPosition at = position(column.fields.number("location"));
    if (column.fields.has("indirection")) return not_supported("to INSERT into a part is", at);
    columns.push_back({name_of(column.fields.text("name")), at});
  }
  const auto rows = child(fields, "selectStmt");
  const bool is_values =
      !rows || (rows->fields.has("valuesLists") && !rows->fields.has("sortClause") &&
                !rows->fields.has("limitCount") && !rows->fields.has("withClause"));
  if (is_values && fields.has("withClause"))
    return not_supported("WITH before INSERT ... VALUES is", target.position);
  const auto conflict = fields.part("onConflictClause");
  if (!is_values || conflict) {
    if (!rows) return not_supported("DEFAULT VALUES with ON CONFLICT is", target.position);
    InsertSelect insert{target.name, target.position, {}, {}};
    insert.query.position = target.position;
    if (is_values)  // the values may contain DEFAULT
      for (const Node& row : pgsql::children(rows->fields, "valuesLists"))
        insert.query.values.push_back(TRY(inserted_row(row.fields)));
    else
      insert.query = TRY(query(rows->fields));
    if (fields.has("withClause") && !insert.query.with.empty())
      return not_supported("WITH before INSERT and before its SELECT is", target.position);
    if (!is_values) TRY(add_with(fields, insert.query));
    insert.columns = std::move(columns);
    insert.returning = TRY(returning(fields));
    if (conflict)
      insert.on_conflict =
          std::make_shared<const OnConflict>(TRY(on_conflict(*conflict, *fields.part("relation"))));
    return Statement(std::move(insert));
  }
  InsertValues insert{target.name, target.position, {}, {}};
  for (TableName& column : columns)
    insert.columns.push_back({std::move(column.name), column.position});
  if (!rows) insert.rows.emplace_back();  // the statement has DEFAULT VALUES
  for (const Node& row : rows ? pgsql::children(rows->fields, "valuesLists") : std::vector<Node>())
    insert.rows.push_back(TRY(inserted_row(row.fields)));
  insert.returning = TRY(returning(fields));
  if (const auto alias = fields.part("relation")->part("alias"))
    insert.alias = name_of(alias->text("aliasname"));
  return Statement(std::move(insert));
}

Result<std::vector<SelectItem>> Converter::returning(const Fields& fields) const {
  Query shown;
  TRY(add_items(fields, shown, "returningList"));
  return std::move(shown.items);
}

// Converts a value of SET or VALUES. DEFAULT becomes a call without arguments, with a name that
// cannot be written in a statement.
Result<ExpressionPtr> Converter::assigned_value(const Node& value, TextPosition at) const {
  if (value.kind != "SetToDefault") return expression(value);
  return make_expression(FunctionCall{std::string(kDefaultCall), {}}, at);
}

Result<ExpressionList> Converter::inserted_row(const Fields& row) const {
  ExpressionList values;
  for (const Node& value : pgsql::children(row, "items"))
    values.push_back(TRY(assigned_value(value, position(value.fields.number("location")))));
  return values;
}

Result<OnConflict> Converter::on_conflict(const Fields& clause, const Fields& target) const {
  OnConflict conflict;
  conflict.position = position(clause.number("location"));
  if (const auto alias = target.part("alias")) conflict.alias = name_of(alias->text("aliasname"));
  if (const auto infer = clause.part("infer")) {
    if (infer->has("whereClause"))
      return not_supported("ON CONFLICT with a condition for its columns is", conflict.position);
    conflict.constraint = infer->text("conname");
    for (const Node& element : pgsql::children(*infer, "indexElems")) {
      if (element.fields.has("expr"))
        return not_supported("ON CONFLICT with an expression is", conflict.position);
      conflict.columns.push_back({name_of(element.fields.text("name")), conflict.position});
    }
  }
  if (clause.text("action") == "ONCONFLICT_UPDATE") {
    conflict.assignments = TRY(assignments(clause));
    if (clause.has("whereClause")) conflict.where = TRY(condition_of(clause, "whereClause"));
  }
  return conflict;
}

namespace {

// Replaces ORDER BY 2 and ORDER BY name by the expression of the item, before the item is removed
// from the list.
void write_out(ExpressionPtr& key, const std::vector<SelectItem>& items) {
  const auto* number = key->as<IntegerLiteral>();
  const auto* column = key->as<ColumnRef>();
  for (size_t i = 0; i < items.size(); ++i) {
    const bool is_meant = number ? number->value == static_cast<int32_t>(i) + 1
                                 : column && !column->source && items[i].alias &&
                                       items[i].alias->text == column->name.text;
    if (!is_meant) continue;
    key = clone(*items[i].expression);
    return;
  }
}

}  // namespace

// Returns the values of (a, b) = (1, 2) or (a, b) = (SELECT ...), one for each column.
Result<ExpressionList> Converter::assigned_row(const Fields& several, ExpressionList* row_values,
                                               TextPosition at) const {
  const auto count = static_cast<size_t>(several.number("ncolumns"));
  const auto check = [&](size_t found) -> Status {
    if (found == count) return {};
    return Error{ErrorCode::SyntaxError, "number of columns does not match number of values"}.at(
        at);
  };
  ExpressionList values;
  const auto source = child(several, "source");
  if (source && source->kind == "RowExpr") {
    for (const Node& value : pgsql::children(source->fields, "args"))
      values.push_back(TRY(assigned_value(value, at)));
    TRY(check(values.size()));
    return values;
  }
  const auto body =
      source && source->kind == "SubLink" ? child(source->fields, "subselect") : std::nullopt;
  if (!body)
    return Error{ErrorCode::NotSupported,
                 "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() "
                 "expression"}
        .at(at);
  if (row_values == nullptr) return not_supported("a sub-query in ON CONFLICT is", at);
  Query query = TRY(this->query(body->fields));
  const bool has_star = std::ranges::any_of(
      query.items, [](const SelectItem& item) { return item.kind != SelectItemKind::Expression; });
  if (query.combined || !query.values.empty() || query.distinct || has_star)
    return not_supported("UPDATE of several columns by anything but a plain SELECT is", at);
  TRY(check(query.items.size()));
  for (ExpressionPtr& key : query.group_by) write_out(key, query.items);
  for (ExpressionPtr& key : query.distinct_on) write_out(key, query.items);
  for (OrderItem& key : query.order_by) write_out(key.expression, query.items);
  const Name column{fmt::format("{}{}", kRowValue, row_values->size())};
  StructConstructor row;
  for (SelectItem& item : std::exchange(query.items, {})) {
    const Name part{fmt::format("C{}", values.size() + 1)};
    row.fields.push_back({part, std::move(item.expression)});
    values.push_back(make_expression(
        Dereference{make_expression(ColumnRef{std::nullopt, column}, at), part}, at));
  }
  query.items.push_back({SelectItemKind::Expression, make_expression(std::move(row), at),
                         std::nullopt, std::nullopt, at});
  row_values->push_back(make_expression(
      Subquery{SubqueryKind::Scalar, nullptr, std::make_shared<const Query>(std::move(query))},
      at));
  return values;
}

Result<std::vector<Assignment>> Converter::assignments(const Fields& fields,
                                                       ExpressionList* row_values) const {
  std::vector<Assignment> all;
  ExpressionList row;  // values of (a, b) = ..., which libpg_query repeats for each column
  for (const Node& target : pgsql::children(fields, "targetList")) {
    const TextPosition at = position(target.fields.number("location"));
    const auto value = child(target.fields, "val");
    if (target.fields.has("indirection") || !value)
      return not_supported("UPDATE of a part of a column is", at);
    const TableName column{name_of(target.fields.text("name")), at};
    if (value->kind != "MultiAssignRef") {
      all.push_back({column, TRY(assigned_value(*value, at))});
      continue;
    }
    const auto place = static_cast<size_t>(value->fields.number("colno") - 1);
    if (place == 0) row = TRY(assigned_row(value->fields, row_values, at));
    all.push_back({column, std::move(row.at(place))});
  }
  return all;
}

// Adds further sources after the target, as if separated by a comma.
Status Converter::add_reads(const Fields& fields, std::string_view list, const TableName& target,
                            const std::optional<Name>& alias, Query& reads) const {
  reads.position = target.position;
  TRY(add_with(fields, reads));
  if (!fields.has(list)) return {};
  reads.from.emplace();
  reads.from->name = without_public(target.name);
  reads.from->alias = alias;
  reads.from->position = target.position;
  return add_from(fields, reads, list);
}

Result<Statement> Converter::update(const Fields& fields) const {
  const auto relation = fields.part("relation");
  UpdateRows update{TRY(existing_relation(*relation)), std::nullopt, {}, nullptr};
  if (const auto alias = relation->part("alias")) update.alias = name_of(alias->text("aliasname"));
  TRY(add_reads(fields, "fromClause", update.target, update.alias, update.reads));
  update.returning = TRY(returning(fields));
  update.assignments = TRY(assignments(fields, &update.row_values));
  if (fields.has("whereClause")) update.where = TRY(condition_of(fields, "whereClause"));
  return Statement(std::move(update));
}

Result<Statement> Converter::remove(const Fields& fields) const {
  const auto relation = fields.part("relation");
  DeleteRows remove{TRY(existing_relation(*relation)), std::nullopt, nullptr};
  if (const auto alias = relation->part("alias")) remove.alias = name_of(alias->text("aliasname"));
  TRY(add_reads(fields, "usingClause", remove.target, remove.alias, remove.reads));
  remove.returning = TRY(returning(fields));
  if (fields.has("whereClause")) remove.where = TRY(condition_of(fields, "whereClause"));
  return Statement(std::move(remove));
}

}  // namespace engine::pgsql
