#include "server/metadata/image.h"

namespace server {

namespace {

// Returns the table whose rows the query's tasks keep; empty if they keep none. For an unreadable
// query this is not known; its sink is returned, so that a look-up in that table fails with the
// error of the query.
std::string materialized_table(const DefinedQuery& defined) {
  const engine::PersistentQuery& query = *defined.query;
  // a query that is built to replace another (`rebuilds`) keeps no table before it has replaced it
  if (!query.rebuilds.empty()) return "";
  if (query.kind == engine::QueryKind::SourceTable)
    return query.sources.empty() ? "" : query.sources.front();
  return defined.plan->materialization || !defined.unreadable.empty() ? query.sink : "";
}

engine::TopicDescription description_of(const storage::TopicInfo& topic) {
  return {topic.name, topic.id, topic.partition_count, 1, topic.config};
}

}  // namespace

DefinedQueryPtr MetadataImage::find_query(std::string_view id) const {
  const DefinedQueryPtr* found = queries_.get(id);
  return found ? *found : nullptr;
}

void MetadataImage::put(DefinedQueryPtr query) {
  erase_query(query->query->id);
  const std::string& id = query->query->id;
  for (const auto& [name, topic] : query->topic_ids) topic_users_.set({topic, id}, true);
  if (std::string table = materialized_table(*query); !table.empty())
    materializers_.set(std::move(table), query);
  queries_.set(id, std::move(query));
}

void MetadataImage::erase_query(std::string_view id) {
  const DefinedQueryPtr query = find_query(id);
  if (!query) return;
  for (const auto& [name, topic] : query->topic_ids)
    topic_users_.erase(std::pair(topic, query->query->id));
  const std::string table = materialized_table(*query);
  if (const DefinedQueryPtr* present = materializers_.get(table); present && *present == query)
    materializers_.erase(table);
  queries_.erase(id);
}

const DefinedQuery* MetadataImage::materializer_of(const engine::DataSource& table) const {
  if (table.kind != engine::SourceKind::Table) return nullptr;
  const DefinedQueryPtr* found = materializers_.get(table.name);
  return found ? found->get() : nullptr;
}

std::vector<DefinedQueryPtr> MetadataImage::writers_of(std::string_view source) const {
  std::vector<DefinedQueryPtr> writers;
  for (const std::string& id : catalog->writers_of(source))
    if (DefinedQueryPtr query = find_query(id); query && query->query->rebuilds.empty())
      writers.push_back(std::move(query));
  return writers;
}

std::vector<DefinedQueryPtr> MetadataImage::rebuilds() const {
  std::vector<DefinedQueryPtr> found;
  for (const auto& [id, query] : queries_)
    if (!query->query->rebuilds.empty()) found.push_back(query);
  return found;
}

std::vector<DefinedQueryPtr> MetadataImage::users_of(const Uuid& topic) const {
  std::vector<DefinedQueryPtr> found;
  for (auto use = topic_users_.lower_bound(std::pair(topic, std::string()));
       use != topic_users_.end() && use->first.first == topic; ++use)
    if (DefinedQueryPtr query = find_query(use->first.second)) found.push_back(std::move(query));
  return found;
}

std::optional<engine::TopicDescription> SnapshotTopics::find(std::string_view name) const {
  const storage::TopicInfo* topic = topics_.find(name);
  if (!topic) return std::nullopt;
  return description_of(*topic);
}

std::vector<engine::TopicDescription> SnapshotTopics::all() const {
  std::vector<engine::TopicDescription> topics;
  for (const auto& [name, topic] : topics_.by_name()) topics.push_back(description_of(topic));
  return topics;
}

std::vector<engine::RunningQuery> ImageQueries::all() const {
  std::vector<engine::RunningQuery> queries;
  for (const auto& [id, defined] : image_.queries())
    queries.push_back({defined->query.get(), defined->plan.get()});
  return queries;
}

std::optional<engine::RunningQuery> ImageQueries::find(std::string_view id) const {
  const DefinedQueryPtr found = image_.find_query(id);
  if (!found) return std::nullopt;
  return engine::RunningQuery{found->query.get(), found->plan.get()};
}

}  // namespace server
