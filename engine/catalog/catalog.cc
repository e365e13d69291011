#include "engine/catalog/catalog.h"

#include <algorithm>

namespace engine {

namespace {

std::vector<std::string> ids_of(const auto& uses, std::string_view source) {
  std::vector<std::string> ids;
  const std::pair<std::string, std::string> first(source, "");
  for (auto use = uses.lower_bound(first); use != uses.end() && use->first.first == source; ++use)
    ids.push_back(use->first.second);
  return ids;
}

}  // namespace

std::vector<size_t> shown_columns(const DataSource& source) {
  const std::vector<ColumnDef>& columns = source.schema.columns;
  std::vector<size_t> shown;
  for (const std::string& name : source.column_order)
    if (const int index = source.schema.index_of(name); index >= 0)
      shown.push_back(static_cast<size_t>(index));
  // Adds the columns that column_order does not contain: all columns if it is empty, otherwise
  // those that ALTER TABLE has added.
  for (size_t i = 0; i < columns.size(); ++i)
    if (!is_row_id(columns[i]) && std::ranges::find(shown, i) == shown.end()) shown.push_back(i);
  return shown;
}

std::vector<std::string> names_of_star(const DataSource& source) {
  std::vector<std::string> names;
  for (const size_t index : shown_columns(source))
    names.push_back(source.schema.columns[index].name);
  if (source.window)
    names.insert(names.begin() + static_cast<std::ptrdiff_t>(source.schema.key_count()),
                 {std::string(kWindowStart), std::string(kWindowEnd)});
  return names;
}

const DataSource* Catalog::find_source(std::string_view name) const {
  const auto* found = sources_.get(name);
  return found ? found->get() : nullptr;
}

const PersistentQuery* Catalog::find_query(std::string_view id) const {
  const auto* found = queries_.get(id);
  return found ? found->get() : nullptr;
}

std::vector<std::string> Catalog::readers_of(std::string_view source) const {
  return ids_of(readers_, source);
}

std::vector<std::string> Catalog::writers_of(std::string_view source) const {
  return ids_of(writers_, source);
}

bool Catalog::is_view(const DataSource& source) const {
  const PersistentQuery* query = find_query(source.created_by);
  return query && query->kind == QueryKind::View;
}

const PersistentQuery* Catalog::rebuild_of(std::string_view id) const {
  const PersistentQuery* const present = find_query(id);
  if (!present) return nullptr;
  for (const std::string& writer : writers_of(present->sink))
    if (const PersistentQuery* query = find_query(writer); query->rebuilds == id) return query;
  return nullptr;
}

void Catalog::put(std::shared_ptr<const DataSource> source) {
  std::string name = source->name;
  sources_.set(std::move(name), std::move(source));
}

void Catalog::put(std::shared_ptr<const PersistentQuery> query) {
  erase_query(query->id);  // the new version may use other sources
  for (const std::string& source : query->sources) readers_.set({source, query->id}, true);
  if (!query->sink.empty()) writers_.set({query->sink, query->id}, true);
  std::string id = query->id;
  queries_.set(std::move(id), std::move(query));
}

void Catalog::erase_source(std::string_view name) { sources_.erase(name); }

void Catalog::erase_query(std::string_view id) {
  const auto* found = queries_.get(id);
  if (!found) return;
  const std::shared_ptr<const PersistentQuery> query = *found;
  for (const std::string& source : query->sources) readers_.erase(std::pair(source, query->id));
  if (!query->sink.empty()) writers_.erase(std::pair(query->sink, query->id));
  queries_.erase(id);
}

}  // namespace engine
