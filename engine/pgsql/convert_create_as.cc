// Converts CREATE TABLE ... AS in PostgreSQL's syntax, with a schema in the name or a SELECT in brackets. The dialect's
// own grammar accepts the plain form and the form with windows.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"

namespace engine::pgsql {

namespace {

// Converts an entry of WITH (KAFKA_TOPIC = 'orders', PARTITIONS = 3). The name becomes upper case, because PostgreSQL's
// parser has folded it to lower case.
Result<Property> property(const Fields& option, TextPosition at) {
  Property property;
  property.written_name = option.text("defname");
  property.name = upper_case(property.written_name);
  property.position = at;
  const auto value = child(option, "arg");
  if (value && value->kind == "String")
    property.value = make_expression(StringLiteral{std::string(value->fields.text("sval"))}, at);
  else if (value && value->kind == "Integer")
    property.value =
        make_expression(IntegerLiteral{static_cast<int32_t>(value->fields.number("ival"))}, at);
  else
    return Error{ErrorCode::SyntaxError,
                 fmt::format("the value of {} in WITH must be a quoted text or an integer",
                             property.written_name)}
        .at(at);
  return property;
}

}  // namespace

Result<Statement> Converter::create_as(const Fields& fields) const {
  if (fields.text("objtype") == "OBJECT_MATVIEW") {
    CreateView create = TRY(create_materialized_view(fields));
    return Statement(std::move(create));
  }
  const auto into = fields.part("into");
  const auto relation = into ? into->part("rel") : std::nullopt;
  const auto written = child(fields, "query");
  if (!relation || !written) return Error{ErrorCode::SyntaxError, "a table without a name"};
  const TableName named = TRY(table_name(*relation));
  const bool has_schema = relation->text("schemaname") == kTemporarySchema;
  const bool is_temporary = has_schema || relation->text("relpersistence") == "t";
  if (written->kind != "SelectStmt")
    return not_supported("CREATE TABLE ... AS EXECUTE is", named.position)
        .with_hint("Write the SELECT itself after AS.");
  if (into->has("colNames"))
    return not_supported("a list of columns before AS is", named.position)
        .with_hint("Name them in the SELECT: SELECT expression AS name.");
  if (into->flag("skipData"))
    return not_supported("WITH NO DATA is", named.position)
        .with_hint(is_temporary ? "CREATE TEMP TABLE name (columns) creates an empty table."
                                : "The table reads its sources from their first records. Omit WITH "
                                  "NO DATA.");
  if (into->text("onCommit") == "ONCOMMIT_DROP" || into->text("onCommit") == "ONCOMMIT_DELETE_ROWS")
    return not_supported("ON COMMIT DROP or DELETE ROWS is", named.position)
        .with_hint("The table is kept until the session ends. Omit ON COMMIT, and DROP TABLE.");
  if (is_temporary && into->has("options"))
    return not_supported("WITH of CREATE TEMP TABLE ... AS is", named.position)
        .with_hint("A temporary table has a topic of its own. Omit WITH.");
  CreateAsSelect create;
  create.kind = SourceKind::Table;
  create.is_temporary = is_temporary;
  create.if_not_exists = fields.flag("if_not_exists");
  create.name = has_schema ? name_of(relation->text("relname")) : named.name;
  create.name_position = named.position;
  for (const Node& option : pgsql::children(*into, "options"))
    create.properties.push_back(
        TRY(property(option.fields, position(option.fields.number("location")))));
  create.query = TRY(query(written->fields));
  return Statement(std::move(create));
}

Result<CreateView> Converter::create_materialized_view(const Fields& fields) const {
  const auto into = fields.part("into");
  const auto relation = into ? into->part("rel") : std::nullopt;
  const auto written = child(fields, "query");
  if (!relation || !written) return Error{ErrorCode::SyntaxError, "a view without a name"};
  CreateView create;
  create.is_materialized = true;
  create.is_postgres = true;
  create.if_not_exists = fields.flag("if_not_exists");
  create.name = TRY(table_name(*relation));
  if (written->kind != "SelectStmt")
    return not_supported("CREATE MATERIALIZED VIEW ... AS EXECUTE is", create.name.position)
        .with_hint("Write the SELECT itself after AS.");
  if (into->flag("skipData"))
    return not_supported("WITH NO DATA is", create.name.position)
        .with_hint("The view reads its tables from their first rows. Omit WITH NO DATA.");
  for (const std::string& column : strings(*into, "colNames"))
    create.columns.push_back(name_of(column));
  for (const Node& option : pgsql::children(*into, "options")) {
    const Property written_option =
        TRY(property(option.fields, position(option.fields.number("location"))));
    create.options.push_back(
        {written_option.written_name, written_option.text(), written_option.position});
  }
  create.query = std::make_shared<const Query>(TRY(query(written->fields)));
  return create;
}

Result<CreateView> Converter::create_view(const Fields& fields) const {
  const auto relation = fields.part("view");
  const auto written = child(fields, "query");
  if (!relation || !written) return Error{ErrorCode::SyntaxError, "a view without a name"};
  CreateView create;
  create.or_replace = fields.flag("replace");
  create.name = TRY(table_name(*relation));
  create.is_postgres = true;
  if (relation->text("relpersistence") == "t" || relation->text("schemaname") == kTemporarySchema)
    return not_supported("CREATE TEMP VIEW is", create.name.position)
        .with_hint("CREATE VIEW makes one for all sessions.");
  if (fields.has("withCheckOption") && fields.text("withCheckOption") != "NO_CHECK_OPTION")
    return not_supported("WITH CHECK OPTION is", create.name.position)
        .with_hint("No statement writes to a view: leave it out.");
  for (const std::string& column : strings(fields, "aliases"))
    create.columns.push_back(name_of(column));
  if (written->kind != "SelectStmt") return Error{ErrorCode::SyntaxError, "not a SELECT"};
  create.query = std::make_shared<const Query>(TRY(query(written->fields)));
  return create;
}

}  // namespace engine::pgsql
