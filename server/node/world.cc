#include "server/node/world.h"

namespace server {

const DefinedQuery* World::keeper_of(const engine::DataSource& table) const {
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

std::optional<engine::TopicDescription> SnapshotTopics::find(std::string_view name) const {
  const storage::TopicInfo* topic = topics_.find(name);
  if (!topic) return std::nullopt;
  return engine::TopicDescription{topic->name, topic->id, topic->partition_count, 1, topic->config};
}

}  // namespace server
