#include "engine/catalog/catalog.h"

#include <algorithm>

namespace engine {

const DataSource* Catalog::find_source(std::string_view name) const {
  const auto found = sources.find(std::string(name));
  return found == sources.end() ? nullptr : found->second.get();
}

const PersistentQuery* Catalog::find_query(std::string_view id) const {
  const auto found = queries.find(std::string(id));
  return found == queries.end() ? nullptr : found->second.get();
}

std::vector<std::string> Catalog::readers_of(std::string_view source) const {
  std::vector<std::string> ids;
  for (const auto& [id, query] : queries)
    if (std::ranges::find(query->sources, source) != query->sources.end()) ids.push_back(id);
  return ids;
}

std::vector<std::string> Catalog::writers_of(std::string_view source) const {
  std::vector<std::string> ids;
  for (const auto& [id, query] : queries)
    if (!query->sink.empty() && query->sink == source) ids.push_back(id);
  return ids;
}

}  // namespace engine
