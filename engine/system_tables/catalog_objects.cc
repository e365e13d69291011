#include "engine/system_tables/catalog_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/catalog/system_sources.h"
#include "engine/plan/analysis.h"
#include "engine/system_tables/postgres_tables.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_numbers.h"
#include "engine/types/postgres_keywords.h"

namespace engine {

namespace {

// Changes nextval('s') to nextval('s'::regclass), as PostgreSQL prints it, because clients recognise columns with a
// sequence by this text. The schema public is omitted.
void show_sequences(std::string& text) {
  constexpr std::string_view kCall = "nextval('", kPublic = "public.";
  for (size_t at = text.find(kCall); at != std::string::npos; at = text.find(kCall, at)) {
    at += kCall.size();
    if (text.compare(at, kPublic.size(), kPublic) == 0) text.erase(at, kPublic.size());
    const size_t end = text.find('\'', at);
    if (end != std::string::npos && text.compare(end, 2, "')") == 0)
      text.insert(end + 1, "::regclass");
  }
}

// Returns the text of a default with keywords in lower case, as PostgreSQL prints them. Quoted text is unchanged.
std::string shown_default(std::string_view sql) {
  std::string text;
  char quote = 0;
  for (const char c : sql) {
    text += quote == 0 ? ascii_lower(c) : c;
    if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = 0;
  }
  show_sequences(text);
  return text;
}

// Returns the name that PostgreSQL would give to the sequence of a SERIAL column; empty for other columns.
std::string serial_name(const ColumnDef& column, const ObjectPlace& place) {
  if (!column.is_serial) return {};
  return fmt::format("{}.{}", quoted_postgres_name(place.schema_name),
                     quoted_postgres_name(place.name + "_" + display_name(column.name) + "_seq"));
}

// Returns the text of a column's default. A SERIAL column of a single server has no sequence, but clients recognise
// such a column by a default with nextval().
std::string default_text(const ColumnDef& column, const ObjectPlace& place) {
  if (!column.is_serial) return shown_default(column.default_sql);
  std::string name = serial_name(column, place);
  if (place.schema == kPublicSchema) name.erase(0, place.schema_name.size() + 1);
  return fmt::format("nextval('{}'::regclass)", name);
}

int64_t schema_number(std::string_view schema) {
  if (schema == "PG_CATALOG") return kPgCatalogSchema;
  return schema == "INFORMATION_SCHEMA" ? kInformationSchema : kMillraceSchema;
}

}  // namespace

int64_t user_schema_oid(std::string_view name) { return object_number("schema", name); }

ObjectPlace place_of(const Catalog& catalog, std::string_view name) {
  ObjectPlace place;
  place.name = display_name(name);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || !catalog.schemas.contains(std::string(name.substr(0, dot))))
    return place;
  return {user_schema_oid(name.substr(0, dot)), display_name(name.substr(0, dot)),
          display_name(name.substr(dot + 1))};
}

ObjectPlace temporary_place_of(std::string_view name) {
  const size_t dot = name.find('.');
  return {user_schema_oid(name.substr(0, dot)), display_name(name.substr(0, dot)),
          display_name(name.substr(dot + 1))};
}

std::vector<int64_t> CatalogRelation::key_places() const {
  std::vector<int64_t> places;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].is_key) places.push_back(static_cast<int64_t>(i) + 1);
  return places;
}

std::string CatalogRelation::key_columns() const {
  std::string list;
  for (const CatalogColumn& column : columns)
    if (column.is_key) list += (list.empty() ? "" : ", ") + quoted_postgres_name(column.name);
  return "(" + list + ")";
}

CatalogObjects::CatalogObjects(const Catalog& catalog, std::string_view temporary_schema) {
  const auto is_listed = [&](const std::string& name, const DataSource& source) {
    if (!source.is_temporary) return name != kProcessingLogStream;
    return !temporary_schema.empty() && name.substr(0, name.find('.')) == temporary_schema;
  };
  for (const auto& [name, source] : catalog.sources())
    if (is_listed(name, *source)) add_source(catalog, *source);
  for (const auto& [name, view] : catalog.views) add_view(catalog, *view);
  for (const auto& [name, sequence] : catalog.sequences) {
    const DataSource* owner = catalog.find_source(sequence->owner_table);
    if (!owner || !owner->is_temporary) add_sequence(catalog, *sequence);
  }
  for (const auto& table : all_system_tables()) {
    CatalogRelation& relation = relations_.emplace_back();
    relation.name = display_name(table->name);
    relation.schema = schema_number(table->schema);
    relation.schema_name = display_name(table->schema);
    relation.kind = table->schema == "INFORMATION_SCHEMA" ? 'v' : 'r';
    const std::optional<int64_t> known = catalog_number(relation.name);
    relation.oid = known ? *known : number_of("system", table->schema + relation.name);
    for (const ColumnDef& column : table->columns.columns)
      if (!is_hidden_column(column.name))
        relation.columns.push_back({display_name(column.name), column.type});
  }
  set_visible();
}

void CatalogObjects::set_visible() {
  std::set<std::string_view> temporary;
  for (const CatalogRelation& each : relations_)
    if (each.is_temporary()) temporary.insert(each.name);
  for (CatalogRelation& each : relations_) {
    const bool is_in_path = each.schema == kPgCatalogSchema || each.schema == kPublicSchema;
    each.is_visible = each.is_temporary() || (is_in_path && !temporary.contains(each.name));
  }
}

void CatalogObjects::hide_from(const std::optional<std::string>& reader, const Catalog& catalog,
                               const std::function<bool(const std::string& topic)>& may_see_topic) {
  const std::function<bool(const std::string&)> may_see_named = [&](const std::string& name) {
    if (const DataSource* source = catalog.find_source(name)) return may_see_topic(source->topic);
    const ViewPtr* view = catalog.views.get(name);
    return view && std::ranges::all_of((*view)->reads, may_see_named);
  };
  const auto is_hidden = [&](const CatalogRelation& each) {
    if (each.source) return !each.is_temporary() && !may_see_topic(each.source->topic);
    if (each.view) return each.view->owner_role != reader && !may_see_named(each.view->name);
    if (!each.sequence) return false;
    // Every user may take numbers from a sequence that belongs to no table.
    return !each.sequence->owner_table.empty() && each.sequence->owner_role != reader &&
           !may_see_named(each.sequence->owner_table);
  };
  std::erase_if(relations_, is_hidden);
}

int64_t CatalogObjects::number_of(std::string_view kind, std::string_view name) {
  int64_t number = object_number(kind, name);
  while (!taken_.emplace(number, true).second) ++number;
  return number;
}

CatalogRelation& CatalogObjects::add_named(const ObjectPlace& place, std::string_view name) {
  CatalogRelation& relation = relations_.emplace_back();
  relation.name = place.name;
  relation.schema = place.schema;
  relation.schema_name = place.schema_name;
  relation.oid = number_of(kRelationNumbers, name);
  return relation;
}

void CatalogObjects::add_sequence(const Catalog& catalog, const Sequence& sequence) {
  CatalogRelation& relation = add_named(place_of(catalog, sequence.name), sequence.name);
  relation.sequence = &sequence;
  relation.kind = 'S';
  relation.columns = {{.name = "last_value", .type = TypeKind::Bigint, .is_not_null = true},
                      {.name = "log_cnt", .type = TypeKind::Bigint, .is_not_null = true},
                      {.name = "is_called", .type = TypeKind::Boolean, .is_not_null = true}};
}

void CatalogObjects::add_view(const Catalog& catalog, const View& view) {
  CatalogRelation& relation = add_named(place_of(catalog, view.name), view.name);
  relation.view = &view;
  relation.kind = 'v';
  for (const ColumnDef& column : view.columns.columns)
    relation.columns.push_back({display_name(column.name), column.type});
}

// Adds a stream or a table. The columns are those that `SELECT *` of a look-up shows.
void CatalogObjects::add_source(const Catalog& catalog, const DataSource& source) {
  const ObjectPlace place =
      source.is_temporary ? temporary_place_of(source.name) : place_of(catalog, source.name);
  CatalogRelation& relation = add_named(place, source.name);
  relation.source = &source;
  relation.kind = source.created_by.empty() ? 'r' : 'm';
  const bool is_table = source.kind == SourceKind::Table;
  for (const std::string& name : names_of_star(source)) {
    const int index = source.schema.index_of(name);
    if (index < 0) {  // the column is a bound of the window
      relation.columns.push_back(
          {display_name(name), TypeKind::Bigint, is_table && name == kWindowStart});
      continue;
    }
    const ColumnDef& column = source.schema.columns[static_cast<size_t>(index)];
    const bool is_key = column.role == ColumnRole::Key;
    relation.columns.push_back({display_name(name), column.type, is_key && is_table,
                                is_key ? is_table : column.is_not_null, default_text(column, place),
                                serial_name(column, place)});
  }
  // The columns with the window bounds as timestamps are not part of `*`, but they give tools that draw time series a
  // time column.
  if (source.window)
    for (const char* name : {"window_start", "window_end"})
      if (source.schema.index_of(upper_case(name)) < 0)
        relation.columns.push_back({name, TypeKind::Timestamp});
  if (is_table && !source.schema.has_row_id()) relation.key = number_of("key", source.name);
  relation.row_type = number_of("row", source.name);
  relation.row_array = number_of("row array", source.name);
}

}  // namespace engine
