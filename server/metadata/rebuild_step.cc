#include "server/metadata/rebuild_step.h"

#include <fmt/format.h>

#include "server/metadata/definition_command.h"
#include "server/metadata/query_topics.h"

namespace server {
namespace {

DefinedQueryPtr standing(const DefinedQuery& query, bool stands, ProducerId publisher) {
  auto changed = std::make_shared<DefinedQuery>(query);
  changed->stands = stands;
  changed->publisher = publisher;
  return changed;
}

// Returns the definition with which the new query replaces the old one: it has the state that the
// old one should have, and writes to the table's topic.
DefinedQueryPtr in_its_place(const DefinedQuery& built, const DefinedQuery& old) {
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
  return changed;
}

}  // namespace

Result<storage::MetadataCommand> plan_rebuild_step(const RebuildStep& step,
                                                   const MetadataImage& image) {
  const DefinedQueryPtr built = image.find_query(step.query_id);
  const DefinedQueryPtr old = built ? image.find_query(built->query->rebuilds) : nullptr;
  const bool must_stand = step.kind != RebuildStep::Kind::Stand;
  if (!old || !built->rebuilt_sink || built->stands != must_stand)
    return Error{ErrorCode::ObjectState,
                 fmt::format("query {} is no longer being rebuilt", step.query_id)};
  DefinitionCommand command;
  storage::MetadataCommand logged;
  if (step.kind == RebuildStep::Kind::Finish) {
    command.sql = built->query->sql;
    command.changes = {PutSource{built->rebuilt_sink}, EraseQuery{old->query->id},
                       PutQuery{in_its_place(*built, *old)}};
    if (const storage::TopicInfo* topic = image.topics->find(rebuild_topic(step.query_id)))
      logged.parts.push_back(
          {std::string(storage::kTopicsPart), storage::encode_delete_topic(topic->id)});
  } else {
    const bool stands = step.kind == RebuildStep::Kind::Stand;
    command.changes = {PutQuery{standing(*old, stands, ProducerId(-1))},
                       PutQuery{standing(*built, stands, step.publisher)}};
  }
  logged.parts.push_back({std::string(kSqlPart), encode_definition(command)});
  return logged;
}

}  // namespace server
