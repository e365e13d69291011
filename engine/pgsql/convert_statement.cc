// Converts definitions of tables and types in PostgreSQL's syntax, and TRUNCATE, VACUUM and similar
// statements.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "engine/pgsql/convert.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

// Returns the stored form of a DEFAULT, in which a sequence is named without ::regclass.
std::string default_sql(ExpressionPtr definition) {
  const auto visit = [](ExpressionPtr& part) -> Status {
    if (auto* call = std::get_if<FunctionCall>(&part->node)) take_sequence_name(*call);
    return {};
  };
  // The result is ignored, because the visitor never fails.
  std::ignore = rewrite_expression(definition, visit, RewriteOrder::ChildrenFirst);
  return to_sql(*definition);
}

std::vector<std::string> keys_of(const Fields& constraint) { return strings(constraint, "keys"); }

// Converts SET TIME ZONE +6, whose sign the dialect's grammar does not accept.
std::optional<SetSetting> set_zone(const Fields& fields) {
  const std::vector<Node> values = pgsql::children(fields, "args");
  if (fields.text("name") != "timezone" || values.size() != 1) return std::nullopt;
  SetSetting set;
  set.name = "timezone";
  set.is_local = fields.flag("is_local");
  // The value may also be an interval: INTERVAL '+05:30' HOUR TO MINUTE.
  const auto written = values[0].kind == "TypeCast" ? child(values[0].fields, "arg") : std::nullopt;
  const auto east = written ? written->fields.part("sval") : std::nullopt;
  if (east) {
    std::string hours(east->text("sval"));
    if (hours.find_first_not_of("+-0123456789:") != std::string::npos || hours.empty())
      return std::nullopt;
    const bool is_west = hours.front() == '-';
    if (is_west || hours.front() == '+') hours.erase(0, 1);
    const bool is_zero = hours.find_first_not_of("0:") == std::string::npos;
    set.value =
        is_zero ? "UTC"
                : fmt::format("<{}{}>{}{}", is_west ? '-' : '+', hours, is_west ? '+' : '-', hours);
    return set;
  }
  if (values[0].kind != "A_Const") return std::nullopt;
  if (const auto hours = values[0].fields.part("ival"))
    set.value = std::to_string(hours->number("ival"));
  else if (const auto parts = values[0].fields.part("fval"))
    set.value = std::string(parts->text("fval"));
  if (!set.value) return std::nullopt;
  return set;
}

// Converts SET ROLE 'name', which has neither TO nor =. The session decides which roles it accepts.
std::optional<SetSetting> set_role(const Fields& fields) {
  const std::vector<Node> values = pgsql::children(fields, "args");
  if (fields.text("name") != "role" || values.size() != 1 || values[0].kind != "A_Const")
    return std::nullopt;
  const auto written = values[0].fields.part("sval");
  if (!written) return std::nullopt;
  SetSetting set;
  set.name = "role";
  set.is_local = fields.flag("is_local");
  set.value = std::string(written->text("sval"));
  return set;
}

}  // namespace

Result<TableName> Converter::table_name(const Fields& relation) const {
  const TextPosition at = position(relation.number("location"));
  const std::string_view schema = relation.text("schemaname");
  return TableName{in_schema({std::string(schema), std::string(relation.text("relname"))}), at};
}

Name Converter::existing_name(const std::vector<std::string>& names) const {
  Name name = in_schema(names);
  if (prefix_ == PublicPrefix::Kept && names.size() > 1 && names[names.size() - 2] == "public")
    name.text.insert(0, kPublicPrefix);
  return name;
}

Result<TableName> Converter::existing_relation(const Fields& relation) const {
  TableName table = TRY(table_name(relation));
  table.name = existing_name(
      {std::string(relation.text("schemaname")), std::string(relation.text("relname"))});
  return table;
}

Name Converter::in_schema(const std::vector<std::string>& names) {
  if (names.empty()) return name_of("");
  const std::string& schema = names.size() > 1 ? names[names.size() - 2] : names.front();
  if (names.size() < 2 || schema.empty() || schema == "public" || schema == "pg_catalog")
    return name_of(names.back());
  return {name_of(schema).text + "." + name_of(names.back()).text, Quoting::Back};
}

Status Converter::add_constraint(const Fields& constraint, TableElement& element) const {
  const std::string_view kind = constraint.text("contype");
  const TextPosition at = position(constraint.number("location"));
  if (kind == "CONSTR_NULL") return {};
  if (kind == "CONSTR_NOTNULL") {
    element.is_not_null = true;
  } else if (kind == "CONSTR_DEFAULT") {
    element.default_sql = default_sql(TRY(child_of(constraint, "raw_expr")));
  } else if (kind == "CONSTR_PRIMARY") {
    element.constraint = ColumnConstraint::PrimaryKey;
  } else if (kind == "CONSTR_IDENTITY") {
    const SequenceOptions options = TRY(sequence_options(constraint));
    const auto is_other = [](const std::optional<SequenceOptions::Number>& option) {
      return option && option->value.value_or(1) != 1;
    };
    if (is_other(options.start) || is_other(options.increment) || is_other(options.min) ||
        (options.max && options.max->value) || options.cycles.value_or(false))
      return not_supported("an identity column that does not count from 1 is", at)
          .with_hint("CREATE SEQUENCE ..., and DEFAULT nextval('...') for the column.");
    element.is_serial = element.is_not_null = true;
  } else if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_CHECK" || kind == "CONSTR_FOREIGN") {
    std::vector<std::string> columns;
    if (!element.name.empty()) columns.push_back(element.name.text);
    element.unenforced.push_back(TRY(unenforced(constraint, std::move(columns))));
  } else if (kind != "CONSTR_ATTR_DEFERRABLE" && kind != "CONSTR_ATTR_NOT_DEFERRABLE" &&
             kind != "CONSTR_ATTR_DEFERRED" && kind != "CONSTR_ATTR_IMMEDIATE") {
    return not_supported(
        kind == "CONSTR_GENERATED" ? "GENERATED ALWAYS AS (...) is" : "such a constraint is", at);
  }
  return {};
}

Result<TableElement> Converter::table_element(const Fields& column) const {
  TableElement element;
  element.name = name_of(column.text("colname"));
  element.position = position(column.number("location"));
  const auto named = column.part("typeName");
  if (!named) return Error{ErrorCode::SyntaxError, "a column without a type"}.at(element.position);
  element.type = TRY(type(*named));
  for (const Node& constraint : pgsql::children(column, "constraints"))
    TRY(add_constraint(constraint.fields, element));
  return element;
}

Result<Statement> Converter::create_table(const Fields& fields) const {
  const auto relation = fields.part("relation");
  const TableName named = TRY(table_name(*relation));
  if (fields.has("partspec"))
    return not_supported("PARTITION BY in CREATE TABLE is", named.position)
        .with_hint(
            "WITH (PARTITIONS = 4) sets the number of partitions, and the key of a row "
            "chooses one.");
  for (const std::string_view clause : {"inhRelations", "partbound", "ofTypename"})
    if (fields.has(clause))
      return not_supported("a table that inherits, has partitions or a type is", named.position);
  if (fields.text("oncommit") == "ONCOMMIT_DROP" ||
      fields.text("oncommit") == "ONCOMMIT_DELETE_ROWS")
    return not_supported("ON COMMIT DROP or DELETE ROWS is", named.position);
  CreateSource create;
  create.kind = SourceKind::Table;
  create.if_not_exists = fields.flag("if_not_exists");
  create.name = named.name;
  create.name_position = named.position;
  create.is_postgres = true;
  create.is_temporary = relation->text("relpersistence") == "t";
  if (relation->text("schemaname") == kTemporarySchema) {
    create.is_temporary = true;
    create.name = name_of(relation->text("relname"));
  }
  for (const Node& each : pgsql::children(fields, "tableElts")) {
    if (each.kind == "ColumnDef") {
      create.elements.push_back(TRY(table_element(each.fields)));
      continue;
    }
    if (each.kind != "Constraint") return not_supported("LIKE is", named.position);
    TableElement all;
    TRY(add_constraint(each.fields, all));
    std::ranges::move(all.unenforced, std::back_inserter(create.unenforced));
    if (each.fields.text("contype") != "CONSTR_PRIMARY") continue;
    for (const std::string& key : keys_of(each.fields)) {
      const auto column = std::ranges::find(create.elements, name_of(key), &TableElement::name);
      if (column == create.elements.end())
        return Error{ErrorCode::UndefinedColumn,
                     fmt::format("column \"{}\" named in key does not exist", key)}
            .at(position(each.fields.number("location")));
      column->constraint = ColumnConstraint::PrimaryKey;
    }
  }
  for (const Node& option : pgsql::children(fields, "options")) {
    Property property;
    property.written_name = option.fields.text("defname");
    property.name = upper_case(property.written_name);
    property.position = position(option.fields.number("location"));
    // The options of PostgreSQL's storage have no effect, so their values are not kept.
    property.value = make_expression(StringLiteral{""}, property.position);
    create.properties.push_back(std::move(property));
  }
  return Statement(std::move(create));
}

// Converts CREATE TYPE ... AS ENUM. An enumeration is a String type whose field names are its values.
Result<Statement> Converter::create_enumeration(const Fields& fields) const {
  CreateType create;
  create.name = in_schema(strings(fields, "typeName"));
  create.type.kind = TypeKind::String;
  create.type.custom_name = create.name.text;
  create.type.field_names = strings(fields, "vals");
  if (create.type.field_names.empty())
    return not_supported("an enumeration without values is", position(0));
  return Statement(std::move(create));
}

Result<Statement> Converter::create_composite(const Fields& fields) const {
  const TableName named = TRY(table_name(*fields.part("typevar")));
  if (fields.part("typevar")->text("schemaname") == kTemporarySchema)
    return not_supported("a temporary type is", named.position);
  CreateType create;
  create.name = named.name;
  create.name_position = named.position;
  create.type.kind = TypeKind::Struct;
  create.type.custom_name = create.name.text;
  for (const Node& column : pgsql::children(fields, "coldeflist")) {
    const TableElement element = TRY(table_element(column.fields));
    create.type.field_names.push_back(element.name.text);
    create.type.parts.push_back(element.type);
  }
  return Statement(std::move(create));
}

// Converts CREATE DOMAIN to another name for a type. Constraints are refused, because they would have to be checked
// wherever a value is converted to the domain.
Result<Statement> Converter::create_domain(const Fields& fields) const {
  CreateType create;
  create.name = in_schema(strings(fields, "domainname"));
  create.name_position = position(0);
  create.is_domain = true;
  const auto base = fields.part("typeName");
  if (!base) return Error{ErrorCode::SyntaxError, "a domain without a type"};
  create.type = TRY(type(*base));
  for (const Node& constraint : pgsql::children(fields, "constraints")) {
    const std::string_view kind = constraint.fields.text("contype");
    if (kind == "CONSTR_NULL") continue;
    return not_supported(kind == "CONSTR_CHECK"     ? "a domain with CHECK is"
                         : kind == "CONSTR_NOTNULL" ? "a domain with NOT NULL is"
                                                    : "a domain with DEFAULT or a constraint is",
                         position(constraint.fields.number("location")));
  }
  return Statement(std::move(create));
}

Result<Statement> Converter::create_schema(const Fields& fields) const {
  if (fields.has("schemaElts")) return not_supported("CREATE SCHEMA with elements is", position(0));
  if (fields.has("authrole")) return not_supported("CREATE SCHEMA AUTHORIZATION is", position(0));
  return Statement(CreateSchema{fields.flag("if_not_exists"),
                                {name_of(fields.text("schemaname")), position(0)}});
}

Result<Statement> Converter::drop_schemas(const Fields& fields) const {
  DropSchemas drop;
  drop.if_exists = fields.flag("missing_ok");
  drop.cascade = fields.text("behavior") == "DROP_CASCADE";
  for (const Node& object : pgsql::children(fields, "objects"))
    drop.names.push_back({name_of(object.fields.text("sval")), position(0)});
  return Statement(std::move(drop));
}

Result<Statement> Converter::drop(const Fields& fields) const {
  const std::string_view kind = fields.text("removeType");
  const bool if_exists = fields.flag("missing_ok");
  if (kind == "OBJECT_SCHEMA") return drop_schemas(fields);
  if (kind == "OBJECT_SEQUENCE") return drop_sequences(fields);
  const bool cascade = fields.text("behavior") == "DROP_CASCADE";
  if (kind == "OBJECT_VIEW" || kind == "OBJECT_MATVIEW") {
    DropViews views{if_exists, cascade, {}, kind == "OBJECT_MATVIEW"};
    for (const Node& object : pgsql::children(fields, "objects"))
      views.names.push_back({existing_name(strings(object.fields, "items")), position(0)});
    return Statement(std::move(views));
  }
  DropSources drops;
  drops.cascade = cascade;
  for (const Node& object : pgsql::children(fields, "objects")) {
    if (kind == "OBJECT_TYPE" || kind == "OBJECT_DOMAIN")
      return Statement(DropType{if_exists, in_schema(strings(object.fields, "names")),
                                position(object.fields.number("location")),
                                kind == "OBJECT_DOMAIN"});
    if (kind != "OBJECT_TABLE")
      return not_supported("DROP of anything other than tables, views, sequences and types is",
                           position(0));
    const std::vector<std::string> names = strings(object.fields, "items");
    if (names.empty()) return Error{ErrorCode::SyntaxError, "a table without a name"};
    DropSource& drop = drops.drops.emplace_back();
    drop.kind = SourceKind::Table;
    drop.if_exists = if_exists;
    drop.name = existing_name(names);
    drop.name_position = position(0);
  }
  return Statement(std::move(drops));
}

Result<Statement> Converter::comment(const Fields& fields) const {
  const std::string_view kind = fields.text("objtype");
  const bool is_column = kind == "OBJECT_COLUMN";
  if (!is_column && kind != "OBJECT_TABLE" && kind != "OBJECT_VIEW" && kind != "OBJECT_MATVIEW")
    return not_supported("COMMENT ON anything other than tables, views and columns is",
                         position(0));
  const auto object = child(fields, "object");
  std::vector<std::string> names =
      object ? strings(object->fields, "items") : std::vector<std::string>();
  CommentOn comment;
  if (is_column && names.size() > 1) {
    comment.column = TableName{name_of(names.back()), position(0)};
    names.pop_back();
  }
  if (names.empty() || is_column != comment.column.has_value())
    return Error{ErrorCode::SyntaxError, "column name must be qualified"};
  comment.table = {existing_name(names), position(0)};
  if (fields.has("comment")) comment.text = std::string(fields.text("comment"));
  return Statement(std::move(comment));
}

Result<Statement> Converter::alter_table(const Fields& fields) const {
  if (const std::string_view kind = fields.text("objtype"); kind != "OBJECT_TABLE" && !kind.empty())
    return not_supported(
        kind == "OBJECT_TYPE" ? "ALTER TYPE is" : "to ALTER anything but tables is", position(0));
  const TableName table = TRY(existing_relation(*fields.part("relation")));
  const std::vector<Node> commands = pgsql::children(fields, "cmds");
  const bool if_exists = fields.flag("missing_ok");
  AlterSource alter{SourceKind::Table, table.name, table.position, {}, if_exists};
  AlterColumns columns{table, {}, {}, {}};
  columns.if_exists = if_exists;
  for (const Node& command : commands) {
    const auto definition = child(command.fields, "def");
    const std::string_view kind = command.fields.text("subtype");
    const TableName column{name_of(command.fields.text("name")), table.position};
    if (kind == "AT_DropColumn") {
      columns.dropped.push_back({column, command.fields.flag("missing_ok")});
      continue;
    }
    if (kind == "AT_SetNotNull" || kind == "AT_DropNotNull") {
      columns.nullability.push_back({column, kind == "AT_SetNotNull"});
      continue;
    }
    if (kind == "AT_ColumnDefault" && commands.size() == 1) {
      AlterDefault changed{table, column, {}, if_exists};
      if (definition) changed.default_sql = default_sql(TRY(expression(*definition)));
      return Statement(std::move(changed));
    }
    if (kind == "AT_AlterColumnType" && definition) {
      const auto type_name = definition->fields.part("typeName");
      if (!type_name) return not_supported("this ALTER TABLE is", table.position);
      AlterColumns::Retyped retyped{column, TRY(type(*type_name))};
      if (definition->fields.has("raw_default"))
        retyped.using_sql = to_sql(*TRY(child_of(definition->fields, "raw_default")));
      columns.retyped.push_back(std::move(retyped));
      continue;
    }
    if (kind == "AT_AddColumn" && definition) {
      TableElement added = TRY(table_element(definition->fields));
      added.if_not_exists = command.fields.flag("missing_ok");
      const bool has_values = added.is_not_null || added.is_serial || !added.default_sql.empty();
      (has_values ? columns.added : alter.added).push_back(std::move(added));
      continue;
    }
    if (kind == "AT_DropConstraint" && commands.size() == 1) {
      ChangeConstraint drop{table, if_exists, std::nullopt};
      drop.dropped = command.fields.text("name");
      drop.missing_ok = command.fields.flag("missing_ok");
      return Statement(std::move(drop));
    }
    if (kind == "AT_ValidateConstraint" && commands.size() == 1)
      return Statement(Maintain{"ALTER TABLE"});
    if (kind == "AT_AddConstraint" && definition && commands.size() == 1 &&
        definition->fields.text("contype") != "CONSTR_PRIMARY")
      return Statement(ChangeConstraint{table, if_exists, TRY(unenforced(definition->fields))});
    if (kind != "AT_AddConstraint" || !definition ||
        definition->fields.text("contype") != "CONSTR_PRIMARY" || commands.size() > 1)
      return not_supported("this ALTER TABLE is", table.position);
    AddPrimaryKey add{table, {}, if_exists};
    for (const std::string& key : keys_of(definition->fields))
      add.columns.push_back({name_of(key), position(definition->fields.number("location"))});
    if (add.columns.empty()) return not_supported("PRIMARY KEY USING INDEX is", table.position);
    return Statement(std::move(add));
  }
  if (columns.dropped.empty() && columns.retyped.empty() && columns.nullability.empty() &&
      columns.added.empty())
    return Statement(std::move(alter));
  std::ranges::move(alter.added, std::back_inserter(columns.added));
  return Statement(std::move(columns));
}

Result<Statement> Converter::rename(const Fields& fields) const {
  const std::string_view kind = fields.text("renameType");
  if (fields.part("relation") &&
      (kind == "OBJECT_TABLE" || kind == "OBJECT_VIEW" || kind == "OBJECT_MATVIEW"))
    return Statement(RenameRelation{kind == "OBJECT_VIEW"      ? RelationKind::View
                                    : kind == "OBJECT_MATVIEW" ? RelationKind::MaterializedView
                                                               : RelationKind::Table,
                                    fields.flag("missing_ok"),
                                    TRY(existing_relation(*fields.part("relation"))),
                                    name_of(fields.text("newname"))});
  if (kind != "OBJECT_COLUMN" || fields.text("relationType") != "OBJECT_TABLE" ||
      !fields.part("relation"))
    return not_supported("RENAME of anything other than a table, a view or a column of a table is",
                         position(0));
  AlterColumns columns{TRY(existing_relation(*fields.part("relation"))), {}, {}, {}};
  columns.if_exists = fields.flag("missing_ok");
  columns.renamed.push_back(
      {{name_of(fields.text("subname")), columns.table.position}, name_of(fields.text("newname"))});
  return Statement(std::move(columns));
}

Result<Statement> Converter::refresh(const Fields& fields) const {
  const auto relation = fields.part("relation");
  if (!relation) return Error{ErrorCode::SyntaxError, "a view without a name"};
  if (fields.flag("skipData"))
    return not_supported("REFRESH MATERIALIZED VIEW ... WITH NO DATA is", position(0))
        .with_hint("A view always has its rows. Omit WITH NO DATA.");
  return Statement(RefreshView{TRY(existing_relation(*relation))});
}

Result<std::optional<Statement>> Converter::statement(const Node& node) const {
  using Made = std::optional<Statement>;
  const auto made = [](Result<Statement> statement) -> Result<Made> {
    if (!statement) return std::move(statement).error();
    return Made(*std::move(statement));
  };
  if (node.kind == "CreateStmt") return made(create_table(node.fields));
  if (node.kind == "CreateEnumStmt") return made(create_enumeration(node.fields));
  if (node.kind == "CompositeTypeStmt") return made(create_composite(node.fields));
  if (node.kind == "CreateDomainStmt") return made(create_domain(node.fields));
  if (node.kind == "CreateSchemaStmt") return made(create_schema(node.fields));
  if (node.kind == "DropStmt" && node.fields.text("removeType") != "OBJECT_INDEX")
    return made(drop(node.fields));
  if (node.kind == "CreateSeqStmt") return made(create_sequence(node.fields));
  if (node.kind == "AlterSeqStmt") return made(alter_sequence(node.fields));
  if (node.kind == "CommentStmt") return made(comment(node.fields));
  if (node.kind == "AlterTableStmt") return made(alter_table(node.fields));
  if (node.kind == "RenameStmt") return made(rename(node.fields));
  if (node.kind == "InsertStmt") return made(insert(node.fields));
  if (node.kind == "UpdateStmt") return made(update(node.fields));
  if (node.kind == "DeleteStmt") return made(remove(node.fields));
  if (node.kind == "VacuumStmt")
    return Made(Maintain{node.fields.flag("is_vacuumcmd") ? "VACUUM" : "ANALYZE"});
  if (node.kind == "VariableSetStmt") {
    if (auto set = set_zone(node.fields)) return Made(*std::move(set));
    if (auto set = set_role(node.fields)) return Made(*std::move(set));
  }
  if (node.kind == "ReindexStmt") return Made(Maintain{"REINDEX"});
  // CREATE EXTENSION is accepted for these extensions, because their functions that most programs use are built in:
  // gen_random_uuid(), uuid_generate_v4().
  if (node.kind == "CreateExtensionStmt")
    for (const std::string_view known : {"plpgsql", "pgcrypto", "uuid-ossp"})
      if (node.fields.text("extname") == known) return Made(Maintain{"CREATE EXTENSION"});
  if (node.kind == "CreateTableAsStmt") return made(create_as(node.fields));
  if (node.kind == "RefreshMatViewStmt") return made(refresh(node.fields));
  // CREATE INDEX is accepted without effect, because programs create indexes automatically, and an index does not
  // change the result of a statement. A unique index is converted to a constraint, because it restricts the rows.
  if (node.kind == "IndexStmt" && node.fields.flag("unique"))
    return made(unique_index(node.fields));
  if (node.kind == "IndexStmt") return Made(Maintain{"CREATE INDEX"});
  if (node.kind == "DropStmt") return Made(Maintain{"DROP INDEX"});
  if (node.kind == "CheckPointStmt") return Made(Maintain{"CHECKPOINT"});
  // No constraint can be deferred, because keys are checked when rows are written.
  if (node.kind == "ConstraintsSetStmt") {
    for (const Node& constraint : pgsql::children(node.fields, "constraints"))
      return Error{ErrorCode::UndefinedObject, fmt::format("constraint \"{}\" does not exist",
                                                           constraint.fields.text("relname"))}
          .at(position(constraint.fields.number("location")));
    return Made(Maintain{"SET CONSTRAINTS"});
  }
  // Accepted without effect: scripts of tools begin and end with these statements, and connect to
  // the database in between.
  if (node.kind == "CreatedbStmt") return Made(Maintain{"CREATE DATABASE"});
  if (node.kind == "DropdbStmt") return Made(Maintain{"DROP DATABASE"});
  if (node.kind == "TruncateStmt") {
    Truncate truncate;
    for (const Node& table : pgsql::children(node.fields, "relations"))
      truncate.tables.push_back(TRY(existing_relation(table.fields)));
    return Made(std::move(truncate));
  }
  return Made();
}

}  // namespace engine::pgsql
