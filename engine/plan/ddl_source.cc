#include <absl/strings/str_join.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/suggest.h"
#include "engine/catalog/system_sources.h"
#include "engine/catalog/visible_names.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/source_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/row_limit.h"

namespace engine {
namespace {

std::string upper_word(SourceKind kind) { return kind == SourceKind::Stream ? "STREAM" : "TABLE"; }
std::string title_word(SourceKind kind) { return kind == SourceKind::Stream ? "Stream" : "Table"; }

Error no_such_source(SourceKind kind, const Name& name, const Catalog& catalog,
                     TextPosition position) {
  if (catalog.views.get(name.text))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a {}", display_name(name.text), kind_word(kind)),
                 {},
                 "Use DROP VIEW to remove a view, and CREATE OR REPLACE VIEW to change it."}
        .at(position);
  Error error{ErrorCode::UndefinedSource,
              fmt::format("{} \"{}\" does not exist", kind_word(kind), display_name(name.text))};
  error.ksqldb = fmt::format("{} {} does not exist.", title_word(kind), name.text);
  return std::move(error)
      .with_hint(
          did_you_mean(name.text, visible_sources(catalog, kind),
                       fmt::format("SHOW {}S lists the {}s.", upper_word(kind), kind_word(kind))))
      .at(position);
}

Error wrong_kind(SourceKind actual, std::string_view statement, SourceKind asked,
                 TextPosition position) {
  return Error{ErrorCode::WrongObjectType,
               fmt::format("Incompatible data source type is {}, but statement was {} {}",
                           upper_word(actual), statement, upper_word(asked))}
      .at(position)
      .with_hint(fmt::format("Use {} {}.", statement, upper_word(actual)));
}

// Joins the names, and shows only the first ones, because a list of thousands of names would hide
// the hint.
std::string joined(const std::vector<std::string>& names) {
  constexpr size_t kShown = 20;
  if (names.size() <= kShown) return absl::StrJoin(names, ", ");
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "),
                     names.size() - kShown);
}

Error still_used(const DropSource& drop, const std::string& sinks, const std::string& readers,
                 const std::string& writers) {
  Error error{ErrorCode::DependentObjects,
              fmt::format("Cannot drop {}. \nThe following queries read from this source: [{}].\n"
                          "The following queries write into this source: [{}].\n"
                          "You need to terminate them before dropping {}.",
                          drop.name.text, readers, writers, drop.name.text)};
  if (!sinks.empty())
    error.detail =
        fmt::format("The following streams and/or tables read from this source: [{}].", sinks);
  return std::move(error).at(drop.name_position);
}

// Fails if other queries read or write the source.
Status check_unused(const DropSource& drop, const Catalog& catalog, const DataSource& source) {
  std::vector<std::string> readers, writers, sinks;
  for (const std::string& id : catalog.readers_of(source.name)) {
    const PersistentQuery& query = *catalog.find_query(id);
    // the query of the table itself, which is dropped together with the table
    if (query.kind == QueryKind::SourceTable) continue;
    readers.push_back(id);
    if (query.kind == QueryKind::CreateAs || query.kind == QueryKind::View)
      sinks.push_back(query.sink);
  }
  for (const std::string& id : catalog.writers_of(source.name))
    if (id != source.created_by && catalog.find_query(id)->rebuilds.empty()) writers.push_back(id);
  if (readers.empty() && writers.empty()) return {};
  Error error = still_used(drop, joined(sinks), joined(readers), joined(writers));
  // The usual hint, to terminate the queries, does not apply to views, whose queries cannot be
  // terminated.
  const bool are_views = writers.empty() && std::ranges::all_of(readers, [&](const auto& id) {
                           return catalog.find_query(id)->kind == QueryKind::View;
                         });
  if (!are_views) return error;
  for (std::string& sink : sinks) sink = display_name(sink);
  return std::move(error).with_hint(
      fmt::format("First drop the views that read it: DROP MATERIALIZED VIEW {}.", joined(sinks)));
}

// Returns another stream or table over the topic of this source that is not dropped, too; null if
// none exists.
const DataSource* other_of_topic(const DataSource& source, const Catalog& catalog,
                                 const std::set<std::string>& dropped_with_it) {
  for (const auto& [name, other] : catalog.sources())
    if (other->topic == source.topic && name != source.name && !dropped_with_it.contains(name))
      return other.get();
  return nullptr;
}

Status check_alterable(const AlterSource& alter, const Catalog& catalog, const DataSource* source) {
  if (!source) {
    Error error = no_such_source(alter.kind, alter.name, catalog, alter.name_position);
    error.ksqldb = fmt::format("Source {} does not exist.", alter.name.text);
    return error;
  }
  if (source->kind != alter.kind)
    return wrong_kind(source->kind, "ALTER", alter.kind, alter.name_position);
  if (source->read_only)
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("Cannot alter {0} '{1}': ALTER operations are not supported on source "
                             "{0}s.",
                             kind_word(alter.kind), alter.name.text)}
        .at(alter.name_position);
  if (!source->created_by.empty())
    return Error{ErrorCode::InvalidStatement,
                 "ALTER command is not supported for CREATE ... AS statements."}
        .at(alter.name_position)
        .with_hint(
            source->created_by.starts_with("GENERATOR_")
                ? "Use CREATE OR REPLACE ... WITH (GENERATOR = ...) to change the generated rows."
                : "Use CREATE OR REPLACE ... AS to change the query.");
  return {};
}

// Adds a hint for ADD COLUMN note: the word COLUMN is optional, so the parser reads it as the name and NOTE as the type.
Error with_missing_type(Error error, const std::vector<TableElement>& added) {
  for (const TableElement& element : added) {
    const bool is_word = element.name.text == "COLUMN" && element.name.quoting == Quoting::None;
    if (is_word && error.message.ends_with(" unknown type: " + element.type.custom_name))
      return std::move(error).with_hint(
          fmt::format("The type of the column is missing: ADD COLUMN {} VARCHAR.",
                      display_name(element.type.custom_name)));
  }
  return error;
}

}  // namespace

std::string column_exists(const TableElement& element, const DataSource& table) {
  return fmt::format("column \"{}\" of relation \"{}\" already exists",
                     display_name(element.name.text), display_name(table.name));
}

Status check_no_serial(const std::vector<TableElement>& added, const CustomTypes& types) {
  for (const TableElement& element : with_serials(added, types))
    if (element.is_serial)
      return Error{ErrorCode::NotSupported,
                   "adding a SERIAL column is not supported yet",
                   {},
                   "Use CREATE SEQUENCE ..., and DEFAULT nextval('...') for the column."}
          .at(element.position);
  return {};
}

Result<CatalogChange> plan_drop_source(const DropSource& drop, const CatalogPtr& catalog,
                                       const std::set<std::string>& dropped_with_it) {
  const DataSource* source = catalog->find_source(drop.name.text);
  if (!source && drop.if_exists && !catalog->views.get(drop.name.text))
    return CatalogChange{.catalog = catalog,
                         .notices = {fmt::format("{} {} does not exist, skipping",
                                                 kind_word(drop.kind), drop.name.text)}};
  if (!source) return no_such_source(drop.kind, drop.name, *catalog, drop.name_position);
  if (source->kind != drop.kind)
    return wrong_kind(source->kind, "DROP", drop.kind, drop.name_position);
  if (source->name == kProcessingLogStream && source->read_only)
    return Error{ErrorCode::ObjectState,
                 fmt::format("{} belongs to the server and cannot be dropped", source->name)}
        .at(drop.name_position);
  if (drop.delete_topic && source->topic == kProcessingLogTopic)
    return Error{ErrorCode::ObjectState,
                 fmt::format("topic \"{}\" is internal and cannot be deleted", source->topic),
                 {},
                 "DROP without DELETE TOPIC."}
        .at(drop.name_position);
  if (drop.delete_topic && source->read_only)
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("Cannot delete topic for read-only source: {}", drop.name.text)}
        .at(drop.name_position);
  TRY(check_unused(drop, *catalog, *source));

  CatalogChange change;
  Catalog next = *catalog;
  const auto end = [&](const std::string& id) {
    change.ended_queries.push_back(id);
    next.erase_query(id);
  };
  for (const std::string& id : catalog->readers_of(source->name))
    if (catalog->find_query(id)->kind == QueryKind::SourceTable) end(id);
  if (const PersistentQuery* rebuild = catalog->rebuild_of(source->created_by)) end(rebuild->id);
  if (next.find_query(source->created_by)) end(source->created_by);
  const DataSource* other = source->owns_topic && !drop.delete_topic
                                ? other_of_topic(*source, *catalog, dropped_with_it)
                                : nullptr;
  if (other)
    change.notices.push_back(fmt::format("topic \"{}\" is kept, because {} {} uses it, too",
                                         source->topic, kind_word(other->kind), other->name));
  else if (drop.delete_topic || source->owns_topic)
    change.dropped_topic = source->topic;
  next.erase_source(drop.name.text);
  change.catalog = std::make_shared<const Catalog>(std::move(next));
  return change;
}

Result<CatalogChange> plan_alter_source(const AlterSource& alter, const CatalogPtr& catalog) {
  const DataSource* source = catalog->find_source(alter.name.text);
  TRY(check_alterable(alter, *catalog, source));
  CatalogChange change{.catalog = catalog};
  std::vector<TableElement> elements;
  for (const TableElement& element : alter.added) {
    const bool is_there = source->schema.index_of(element.name.text) >= 0;
    if (is_there && element.if_not_exists) {
      change.notices.push_back(column_exists(element, *source) + ", skipping");
      continue;
    }
    if (is_there)
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("Cannot add column `{}` to schema. A column with the same name "
                               "already exists.",
                               element.name.text)}
          .at(element.position);
    if (element.constraint != ColumnConstraint::None)
      return Error{ErrorCode::InvalidStatement, "only value columns can be added"}.at(
          element.position);
    elements.push_back(element);
  }
  if (elements.empty()) return change;
  if (source->owns_topic) TRY(check_no_serial(elements, catalog->types));
  const auto read =
      read_schema(elements, catalog->types,
                  source->owns_topic ? ColumnTypes::OfPostgres : ColumnTypes::OfDialect);
  if (!read) return with_missing_type(read.error(), elements);
  const Schema& added = *read;
  DataSource next = *source;
  next.schema.columns.insert(next.schema.columns.end(), added.columns.begin(), added.columns.end());
  size_t fields = 0;
  for (const ColumnDef& column : next.schema.columns) fields += field_count(column.type);
  if (fields > kMaxRowFields) return too_many_fields().at(alter.name_position);
  change.catalog = with_source(*catalog, std::make_shared<const DataSource>(std::move(next)));
  return change;
}

CatalogPtr with_source(const Catalog& catalog, std::shared_ptr<const DataSource> source) {
  Catalog next = catalog;
  next.put(std::move(source));
  return std::make_shared<const Catalog>(std::move(next));
}

CatalogPtr with_query(const Catalog& catalog, std::shared_ptr<const PersistentQuery> query) {
  Catalog next = catalog;
  next.put(std::move(query));
  return std::make_shared<const Catalog>(std::move(next));
}

}  // namespace engine
