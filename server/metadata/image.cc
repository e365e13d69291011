#include "server/metadata/image.h"

namespace server {

const DefinedQuery* MetadataImage::keeper_of(const engine::DataSource& table) const {
  if (table.kind != engine::SourceKind::Table) return nullptr;
  for (const auto& [id, defined] : queries) {
    const engine::QueryPlan& plan = *defined->plan;
    if (!plan.materialization) continue;
    if (plan.kind == engine::QueryKind::SourceTable ? plan.sources.front() == table.name
                                                    : defined->query->sink == table.name)
      return defined.get();
  }
  return nullptr;
}

namespace {

engine::TopicDescription description_of(const storage::TopicInfo& topic) {
  return {topic.name, topic.id, topic.partition_count, 1, topic.config};
}

}  // namespace

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
  for (const auto& [id, defined] : image_.queries)
    queries.push_back({defined->query.get(), defined->plan.get()});
  return queries;
}

std::optional<engine::RunningQuery> ImageQueries::find(std::string_view id) const {
  const auto found = image_.queries.find(std::string(id));
  if (found == image_.queries.end()) return std::nullopt;
  return engine::RunningQuery{found->second->query.get(), found->second->plan.get()};
}

}  // namespace server
