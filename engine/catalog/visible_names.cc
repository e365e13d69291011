#include "engine/catalog/visible_names.h"

#include <algorithm>
#include <utility>

namespace engine {

namespace {

thread_local const MaySeeTopic* rule_in_use = nullptr;

}  // namespace

VisibleNamesInUse::VisibleNamesInUse(MaySeeTopic may_see)
    : may_see_(std::move(may_see)), before_(std::exchange(rule_in_use, &may_see_)) {}
VisibleNamesInUse::~VisibleNamesInUse() { rule_in_use = before_; }

bool is_visible_topic(const std::string& topic) {
  return !rule_in_use || !*rule_in_use || (*rule_in_use)(topic);
}

bool is_visible(const DataSource& source) { return is_visible_topic(source.topic); }

bool is_visible(const PersistentQuery& query, const Catalog& catalog) {
  const auto is_visible_name = [&](const std::string& name) {
    const DataSource* source = catalog.find_source(name);
    return source && is_visible(*source);
  };
  return query.sink.empty() ? std::ranges::all_of(query.sources, is_visible_name)
                            : is_visible_name(query.sink);
}

std::vector<std::string> visible_sources(const Catalog& catalog, std::optional<SourceKind> kind) {
  std::vector<std::string> names;
  for (const auto& [name, source] : catalog.sources())
    if ((!kind || source->kind == *kind) && is_visible(*source)) names.push_back(name);
  return names;
}

std::vector<std::string> visible_queries(const Catalog& catalog) {
  std::vector<std::string> ids;
  for (const auto& [id, query] : catalog.queries())
    if (is_visible(*query, catalog)) ids.push_back(id);
  return ids;
}

std::vector<std::string> visible_topics(const Topics& topics) {
  std::vector<std::string> names;
  for (const TopicDescription& topic : topics.all())
    if (is_visible_topic(topic.name)) names.push_back(topic.name);
  return names;
}

}  // namespace engine
