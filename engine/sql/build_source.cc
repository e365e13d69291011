#include <algorithm>
#include <utility>

#include "engine/sql/build.h"

namespace engine {
namespace {

SourceKind kind_of(const antlr4::Token* word) {
  return is(word, P::STREAM) ? SourceKind::Stream : SourceKind::Table;
}

// Fails if a table has a KEY or a stream has a PRIMARY KEY. The user of the wrong word usually
// means the other kind of source.
// `type` is the type as written in the statement.
Status check_key_word(const TableElement& element, SourceKind kind, const std::string& type) {
  const bool is_primary = element.constraint == ColumnConstraint::PrimaryKey;
  if (!is_primary && element.constraint != ColumnConstraint::Key) return {};
  if (is_primary == (kind == SourceKind::Table)) return {};
  const std::string message = "Column `" + element.name.text + "` is a '" +
                              (is_primary ? "PRIMARY KEY" : "KEY") + "' column: please use '" +
                              (is_primary ? "KEY' for streams" : "PRIMARY KEY' for tables");
  const std::string difference =
      "Tables have PRIMARY KEYs, which are unique and NON NULL.\n"
      "Streams have KEYs, which have no uniqueness or NON NULL constraints.";
  const TextPosition at = element.position;
  const std::string column = display_name(element.name.text) + " " + type;
  return Error{
      .code = ErrorCode::SyntaxError,
      .message = message,
      .hint = is_primary
                  ? "A stream has a KEY: " + column + " KEY. PRIMARY KEY is for tables."
                  : "A table has a PRIMARY KEY: " + column + " PRIMARY KEY. KEY is for streams.",
      .position = at,
      .ksqldb = "Line: " + std::to_string(at.line) + ", Col: " + std::to_string(at.column) + ": " +
                message + ".\n" + difference};
}

Result<TableElement> build_element(P::TableElementContext& context, SourceKind kind) {
  TableElement element;
  element.name = build_name(*context.name);
  element.position = position_of(context);
  element.type = TRY(build_type(*context.type()));
  if (P::ColumnConstraintContext* constraint = context.columnConstraint()) {
    if (constraint->HEADERS()) {
      element.constraint = ColumnConstraint::Headers;
    } else if (constraint->HEADER()) {
      element.constraint = ColumnConstraint::Header;
      element.header_key = TRY(build_string(*constraint->string()));
    } else {
      element.constraint =
          constraint->PRIMARY() ? ColumnConstraint::PrimaryKey : ColumnConstraint::Key;
    }
  }
  TRY(check_key_word(element, kind, text_of(*context.type())));
  return element;
}

Result<Property> build_property(P::PropertyContext& context) {
  Property property;
  property.position = position_of(context);
  property.written_name = TRY(build_property_name(*context.propertyName()));
  property.name = to_upper(property.written_name);
  property.value = TRY(build_literal(*context.literal()));
  return property;
}

Result<Statement> build_create_as(P::CreateSourceContext& context) {
  if (context.tableElements())
    return syntax_error_at(
        *context.AS()->getSymbol(),
        "The columns of CREATE ... AS SELECT come from the query. Omit the list.");
  if (context.SOURCE()) return syntax_error_at(*context.AS()->getSymbol());
  CreateAsSelect create;
  create.kind = kind_of(context.kind);
  create.or_replace = context.REPLACE() != nullptr;
  create.if_not_exists = context.ifNotExists() != nullptr;
  create.name = TRY(build_source_name(*context.name));
  create.name_position = position_of(*context.name);
  if (context.schema) {
    const Name schema = build_name(*context.schema);
    // PG_TEMP is PostgreSQL's schema for temporary tables; it exists without a CREATE SCHEMA.
    create.is_temporary = create.kind == SourceKind::Table && to_upper(schema.text) == "PG_TEMP";
    if (!create.is_temporary) create.name = name_in_schema(schema, std::move(create.name));
  }
  create.properties = TRY(build_properties(context.properties()));
  create.query = TRY(build_query(*context.query()));
  return create;
}

}  // namespace

Name name_in_schema(const Name& schema, Name name) {
  const auto is_folded = [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
  };
  if (name.quoting == Quoting::Double && std::ranges::all_of(name.text, is_folded))
    name = {to_upper(name.text), Quoting::None};
  const std::string folded = to_upper(schema.text);
  if (folded == "PUBLIC") return name;
  return {folded + "." + name.text, Quoting::Back};
}

Result<std::string> build_property_name(P::PropertyNameContext& context) {
  if (context.string()) return build_string(*context.string());
  const Name name = build_name(*context.identifier());
  return name.quoting == Quoting::None ? text_of(*context.identifier()) : name.text;
}

Status add_property(P::PropertyContext& context, PropertyList& properties) {
  Property built = TRY(build_property(context));
  if (find_property(properties, built.name))
    return statement_error(*context.start, "Duplicate property: " + built.name);
  properties.push_back(std::move(built));
  return {};
}

Result<PropertyList> build_properties(P::PropertiesContext* context) {
  PropertyList properties;
  if (!context) return properties;
  for (P::PropertyContext* property : context->property()) TRY(add_property(*property, properties));
  return properties;
}

Result<Statement> build_create_source(P::CreateSourceContext& context) {
  if (context.AS()) return build_create_as(context);
  if (context.schema) return syntax_error_at(*context.DOT()->getSymbol());
  CreateSource create;
  create.kind = kind_of(context.kind);
  create.or_replace = context.REPLACE() != nullptr;
  create.is_source = context.SOURCE() != nullptr;
  create.if_not_exists = context.ifNotExists() != nullptr;
  create.name = TRY(build_source_name(*context.name));
  create.name_position = position_of(*context.name);
  if (P::TableElementsContext* elements = context.tableElements())
    for (P::TableElementContext* element : elements->tableElement())
      create.elements.push_back(TRY(build_element(*element, create.kind)));
  create.properties = TRY(build_properties(context.properties()));
  return create;
}

Result<Statement> build_drop_source(P::DropSourceContext& context) {
  DropSource drop;
  drop.kind = kind_of(context.kind);
  drop.if_exists = context.ifExists() != nullptr;
  drop.name = build_name(*context.name);
  drop.name_position = position_of(*context.name);
  drop.delete_topic = context.DELETE() != nullptr;
  return drop;
}

Result<Statement> build_alter_source(P::AlterSourceContext& context) {
  AlterSource alter;
  alter.kind = kind_of(context.kind);
  alter.name = build_name(*context.name);
  alter.name_position = position_of(*context.name);
  for (P::AlterOptionContext* option : context.alterOption()) {
    TableElement element;
    element.name = build_name(*option->name);
    element.type = TRY(build_type(*option->type()));
    element.position = position_of(*option->name);
    alter.added.push_back(std::move(element));
  }
  return alter;
}

Result<Statement> build_create_type(P::CreateTypeContext& context) {
  TypeName type = TRY(build_type(*context.type()));
  return CreateType{context.ifNotExists() != nullptr, build_name(*context.name),
                    position_of(*context.name), std::move(type)};
}

Result<Statement> build_drop_type(P::DropTypeContext& context) {
  return DropType{context.ifExists() != nullptr, build_name(*context.name),
                  position_of(*context.name)};
}

Result<Statement> build_create_view(P::CreateViewContext& context) {
  CreateView create;
  create.or_replace = context.REPLACE() != nullptr;
  create.name = {TRY(build_source_name(*context.name)), position_of(*context.name)};
  if (context.schema)
    create.name.name = name_in_schema(build_name(*context.schema), std::move(create.name.name));
  create.columns = build_names(context.columns);
  create.query = std::make_shared<const Query>(TRY(build_query(*context.query())));
  create.query_sql = text_of(*context.query());
  return create;
}

Result<Statement> build_drop_view(P::DropViewContext& context) {
  DropViews drop;
  drop.if_exists = context.ifExists() != nullptr;
  drop.names.push_back({build_name(*context.name), position_of(*context.name)});
  return drop;
}

Result<Statement> build_rename_relation(P::RenameRelationContext& context) {
  RenameRelation rename;
  rename.kind = is(context.kind, P::VIEW)     ? RelationKind::View
                : is(context.kind, P::STREAM) ? RelationKind::Stream
                                              : RelationKind::Table;
  rename.if_exists = context.ifExists() != nullptr;
  rename.name = {build_name(*context.name), position_of(*context.name)};
  rename.new_name = TRY(build_source_name(*context.newName));
  return rename;
}

}  // namespace engine
