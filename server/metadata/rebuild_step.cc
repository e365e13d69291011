#include "server/metadata/rebuild_step.h"

#include <fmt/format.h>

#include "server/metadata/definition_command.h"
#include "server/metadata/query_topics.h"

namespace server {
namespace {

// Marks the definition as a new plan, in a cluster. No node then builds tasks with an earlier
// definition if it knows this one (ReplicatedCommits::check_newest()).
void set_plan_revision(DefinedQuery& query, Revision revision) {
  if (query.journal) query.planned_at = revision;
}

DefinedQueryPtr standing(const DefinedQuery& query, bool stands, ProducerId publisher,
                         Revision revision) {
  auto changed = std::make_shared<DefinedQuery>(query);
  changed->stands = stands;
  changed->publisher = publisher;
  set_plan_revision(*changed, revision);
  return changed;
}

// Returns the definition with which the new query replaces the old one: it has the state that the
// old one should have, and writes to the table's topic.
DefinedQueryPtr in_its_place(const DefinedQuery& built, const DefinedQuery& old,
                             Revision revision) {
  auto row = std::make_shared<engine::PersistentQuery>(*built.query);
  row->rebuilds.clear();
  row->state = old.query->state;
  auto plan = std::make_shared<engine::QueryPlan>(*built.plan);
  plan->stages.back().output.topic = built.rebuilt_sink->topic;
  auto changed = std::make_shared<DefinedQuery>(built);
  changed->query = std::move(row);
  changed->plan = std::move(plan);
  changed->topic_ids.erase(rebuild_topic(built.query->id));
  changed->rebuilt_sink = nullptr;
  changed->stands = false;
  changed->publisher = ProducerId(-1);
  set_plan_revision(*changed, revision);
  return changed;
}

// Returns whether the query is in the state that must precede the step. Finish and GoOn must name
// the producer that the metadata has for this rebuild. In a cluster, Stand is allowed a second
// time, because another node may continue the rebuild with a producer of its own.
bool may_follow_rebuild(const RebuildStep& step, const DefinedQuery& built) {
  if (step.kind == RebuildStep::Kind::Stand) return !built.stands || built.journal;
  return built.stands && built.publisher == step.publisher;
}

}  // namespace

Result<storage::MetadataCommand> plan_rebuild_step(const RebuildStep& step,
                                                   const MetadataImage& image) {
  const DefinedQueryPtr built = image.find_query(step.query_id);
  const DefinedQueryPtr old = built ? image.find_query(built->query->rebuilds) : nullptr;
  if (!old || !built->rebuilt_sink || !may_follow_rebuild(step, *built))
    return Error{ErrorCode::ObjectState,
                 fmt::format("query {} is no longer being rebuilt", step.query_id)};
  const Revision revision = image.revision + 1;  // of this command
  DefinitionCommand command;
  storage::MetadataCommand logged;
  if (step.kind == RebuildStep::Kind::Finish) {
    command.sql = built->query->sql;
    command.changes = {PutSource{built->rebuilt_sink}, EraseQuery{old->query->id},
                       PutQuery{in_its_place(*built, *old, revision)}};
    if (const storage::TopicInfo* topic = image.topics->find(rebuild_topic(step.query_id)))
      logged.parts.push_back(
          {std::string(storage::kTopicsPart), storage::encode_delete_topic(topic->id)});
  } else {
    const bool stands = step.kind == RebuildStep::Kind::Stand;
    const ProducerId publisher = stands ? step.publisher : ProducerId(-1);
    command.changes = {PutQuery{standing(*old, stands, ProducerId(-1), revision)},
                       PutQuery{standing(*built, stands, publisher, revision)}};
  }
  logged.parts.push_back({std::string(kSqlPart), encode_definition(command)});
  return logged;
}

}  // namespace server
