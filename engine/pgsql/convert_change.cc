// INSERT, UPDATE and DELETE in PostgreSQL's syntax.
#include "engine/pgsql/convert.h"
#include "engine/sql/default_value.h"

namespace engine::pgsql {

Result<Statement> Converter::insert(const Fields& fields) const {
  const TableName target = TRY(table_name(*fields.part("relation")));
  if (fields.has("withClause")) return not_supported("WITH before INSERT is", target.position);
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
  const auto conflict = fields.part("onConflictClause");
  if (!is_values || conflict) {
    if (!rows) return not_supported("DEFAULT VALUES with ON CONFLICT is", target.position);
    InsertSelect insert{target.name, target.position, {}, TRY(query(rows->fields))};
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
  if (!rows) insert.rows.emplace_back();  // DEFAULT VALUES
  for (const Node& row : rows ? pgsql::children(rows->fields, "valuesLists") : std::vector<Node>())
    insert.rows.push_back(TRY(inserted_row(row.fields)));
  insert.returning = TRY(returning(fields));
  return Statement(std::move(insert));
}

Result<std::vector<SelectItem>> Converter::returning(const Fields& fields) const {
  Query shown;
  TRY(add_items(fields, shown, "returningList"));
  return std::move(shown.items);
}

// DEFAULT is a call without arguments, which nobody can write.
Result<ExpressionList> Converter::inserted_row(const Fields& row) const {
  ExpressionList values;
  for (const Node& value : pgsql::children(row, "items")) {
    if (value.kind == "SetToDefault")
      values.push_back(make_expression(FunctionCall{std::string(kDefaultCall), {}},
                                       position(value.fields.number("location"))));
    else
      values.push_back(TRY(expression(value)));
  }
  return values;
}

Result<OnConflict> Converter::on_conflict(const Fields& clause, const Fields& target) const {
  OnConflict conflict;
  conflict.position = position(clause.number("location"));
  if (const auto alias = target.part("alias")) conflict.alias = name_of(alias->text("aliasname"));
  if (const auto infer = clause.part("infer")) {
    if (infer->has("conname") || infer->has("whereClause"))
      return not_supported("ON CONFLICT with anything but columns is", conflict.position);
    for (const Node& element : pgsql::children(*infer, "indexElems")) {
      if (element.fields.has("expr"))
        return not_supported("ON CONFLICT with an expression is", conflict.position);
      conflict.columns.push_back({name_of(element.fields.text("name")), conflict.position});
    }
  }
  if (clause.text("action") == "ONCONFLICT_UPDATE") {
    conflict.assignments = TRY(assignments(clause));
    if (clause.has("whereClause")) conflict.where = TRY(child_of(clause, "whereClause"));
  }
  return conflict;
}

Result<std::vector<Assignment>> Converter::assignments(const Fields& fields) const {
  std::vector<Assignment> all;
  for (const Node& target : pgsql::children(fields, "targetList")) {
    const TextPosition at = position(target.fields.number("location"));
    const auto value = child(target.fields, "val");
    if (target.fields.has("indirection") || !value || value->kind == "MultiAssignRef" ||
        value->kind == "SetToDefault")
      return not_supported("UPDATE that sets several columns at once, a part or DEFAULT is", at);
    all.push_back({{name_of(target.fields.text("name")), at}, TRY(expression(*value))});
  }
  return all;
}

Result<Statement> Converter::update(const Fields& fields) const {
  const auto relation = fields.part("relation");
  UpdateRows update{TRY(table_name(*relation)), std::nullopt, {}, nullptr};
  for (const std::string_view clause : {"fromClause", "withClause"})
    if (fields.has(clause))
      return not_supported("UPDATE with FROM or WITH is", update.target.position);
  update.returning = TRY(returning(fields));
  if (const auto alias = relation->part("alias")) update.alias = name_of(alias->text("aliasname"));
  update.assignments = TRY(assignments(fields));
  if (fields.has("whereClause")) update.where = TRY(child_of(fields, "whereClause"));
  return Statement(std::move(update));
}

Result<Statement> Converter::remove(const Fields& fields) const {
  const auto relation = fields.part("relation");
  DeleteRows remove{TRY(table_name(*relation)), std::nullopt, nullptr};
  for (const std::string_view clause : {"usingClause", "withClause"})
    if (fields.has(clause))
      return not_supported("DELETE with USING or WITH is", remove.target.position);
  remove.returning = TRY(returning(fields));
  if (const auto alias = relation->part("alias")) remove.alias = name_of(alias->text("aliasname"));
  if (fields.has("whereClause")) remove.where = TRY(child_of(fields, "whereClause"));
  return Statement(std::move(remove));
}

}  // namespace engine::pgsql
