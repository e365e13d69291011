// Reads and writes rows of the catalog as JSON (docs/formats/definition.md). Includes simdjson, so
// only .cc files may include this header.
#pragma once
#include "engine/catalog/catalog.h"
#include "engine/json/json_values.h"

namespace engine {

template <>
struct JsonNames<QueryKind> {
  static constexpr std::pair<QueryKind, std::string_view> names[] = {
      {QueryKind::CreateAs, "create_as"},
      {QueryKind::InsertInto, "insert_into"},
      {QueryKind::SourceTable, "source_table"},
      {QueryKind::View, "view"}};
};
template <>
struct JsonNames<DesiredState> {
  static constexpr std::pair<DesiredState, std::string_view> names[] = {
      {DesiredState::Running, "running"}, {DesiredState::Paused, "paused"}};
};
template <>
struct JsonFields<SourceWindow> {
  static constexpr auto fields = std::tuple(json_field("type", &SourceWindow::type),
                                            json_field("size_ms", &SourceWindow::size_ms));
};
template <>
struct JsonFields<TimestampColumn> {
  static constexpr auto fields = std::tuple(json_field("column", &TimestampColumn::column),
                                            json_field("format", &TimestampColumn::format));
};
template <>
struct JsonFields<UnenforcedConstraint> {
  static constexpr auto fields =
      std::tuple(json_field("name", &UnenforcedConstraint::name),
                 json_field("type", &UnenforcedConstraint::type),
                 json_field("columns", &UnenforcedConstraint::columns),
                 json_field("referenced_table", &UnenforcedConstraint::referenced_table),
                 json_field("referenced_columns", &UnenforcedConstraint::referenced_columns),
                 json_field("definition", &UnenforcedConstraint::definition));
};
template <>
struct JsonFields<DataSource> {
  static constexpr auto fields = std::tuple(
      json_field("name", &DataSource::name), json_field("kind", &DataSource::kind),
      json_field("schema", &DataSource::schema), json_field("topic", &DataSource::topic),
      json_field("key_format", &DataSource::key_format),
      json_field("value_format", &DataSource::value_format),
      json_field("window", &DataSource::window), json_field("timestamp", &DataSource::timestamp),
      json_field("read_only", &DataSource::read_only),
      json_field("created_by", &DataSource::created_by), json_field("sql", &DataSource::sql),
      json_field("partitions", &DataSource::partitions),
      json_field("owns_topic", &DataSource::owns_topic),
      json_field("temporary", &DataSource::is_temporary),
      json_field("comments", &DataSource::comments),
      json_field("column_order", &DataSource::column_order),
      json_field("unenforced", &DataSource::unenforced));
};
template <>
struct JsonFields<Sequence> {
  static constexpr auto fields = std::tuple(
      json_field("name", &Sequence::name), json_field("id", &Sequence::id),
      json_field("type", &Sequence::data_type), json_field("start", &Sequence::start),
      json_field("increment", &Sequence::increment), json_field("min", &Sequence::min),
      json_field("max", &Sequence::max), json_field("cache", &Sequence::cache),
      json_field("cycles", &Sequence::cycles), json_field("owner_table", &Sequence::owner_table),
      json_field("owner_column", &Sequence::owner_column),
      json_field("owner_role", &Sequence::owner_role),
      json_field("last_value", &Sequence::last_value),
      json_field("is_called", &Sequence::is_called), json_field("version", &Sequence::version));
};
template <>
struct JsonFields<ViewDefinition> {
  static constexpr auto fields = std::tuple(
      json_field("name", &ViewDefinition::name), json_field("sql", &ViewDefinition::sql),
      json_field("is_postgres", &ViewDefinition::is_postgres),
      json_field("column_names", &ViewDefinition::column_names),
      json_field("columns", &ViewDefinition::columns), json_field("reads", &ViewDefinition::reads),
      json_field("renames", &ViewDefinition::renames),
      json_field("owner_role", &ViewDefinition::owner_role),
      json_field("comments", &ViewDefinition::comments));
};
template <>
struct JsonFields<PersistentQuery> {
  static constexpr auto fields = std::tuple(
      json_field("id", &PersistentQuery::id), json_field("kind", &PersistentQuery::kind),
      json_field("sql", &PersistentQuery::sql), json_field("sink", &PersistentQuery::sink),
      json_field("sources", &PersistentQuery::sources),
      json_field("properties", &PersistentQuery::properties),
      json_field("state", &PersistentQuery::state),
      json_field("rebuilds", &PersistentQuery::rebuilds));
};

}  // namespace engine
