#include "server/metadata/query_topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/kv/damage.h"

namespace server {

namespace {

std::optional<QueryTopic> exchange(const DefinedQuery& query, int number) {
  const auto index = static_cast<size_t>(number);
  return QueryTopic{query.exchange_ids.at(index), query.plan->exchanges.at(index).partitions};
}

std::optional<QueryTopic> named(const DefinedQuery& query, const std::string& name,
                                const storage::TopicSnapshot& topics) {
  const auto id = query.topic_ids.find(name);
  // The topic is found by its id: a later topic of the same name is a different one.
  const storage::TopicInfo* topic = id == query.topic_ids.end() ? nullptr : topics.find(id->second);
  if (!topic) return std::nullopt;
  return QueryTopic{topic->id, topic->partition_count};
}

std::string how_to_end(const DefinedQuery& query) {
  const engine::PersistentQuery& asked = *query.query;
  switch (asked.kind) {
    case engine::QueryKind::InsertInto:
      return "TERMINATE " + asked.id;
    case engine::QueryKind::SourceTable:
      return "DROP TABLE " + asked.sources.at(0);
    case engine::QueryKind::View:
      return "DROP MATERIALIZED VIEW " + asked.sink;
    case engine::QueryKind::CreateAs:
      break;
  }
  const auto& stages = query.plan->stages;
  const bool is_table = !stages.empty() && stages.back().output.is_table;
  return fmt::format("DROP {} {}", is_table ? "TABLE" : "STREAM", asked.sink);
}

}  // namespace

std::string rebuild_topic(std::string_view query_id) {
  // Only the number in the query's id is used. The id also contains the table's name, which may
  // have characters that are not allowed in a topic's name.
  return fmt::format("_rebuild{}", query_id.substr(query_id.rfind('_')));
}

std::optional<std::string> lost_topic(const DefinedQuery& query,
                                      const storage::TopicSnapshot& topics) {
  for (const auto& [name, id] : query.topic_ids)
    if (!topics.find(id)) return name;
  return std::nullopt;
}

std::string hint_about_lost_topic(const DefinedQuery& query) {
  return fmt::format(
      "A new topic with the same name would not be the lost one: {}, and create it "
      "again.",
      how_to_end(query));
}

std::string hint_about_damage(const DefinedQuery& query) {
  return storage::advice_about_damage(how_to_end(query));
}

std::string hint_about_lost_records(const DefinedQuery& query) {
  constexpr std::string_view kAnew =
      "create it again; with auto.offset.reset = 'earliest' it reads the present records from the "
      "beginning.";
  if (query.query->kind == engine::QueryKind::CreateAs)
    return fmt::format("{} DELETE TOPIC, and {}", how_to_end(query), kAnew);
  return fmt::format("The records that it has written are kept: {}, and {}", how_to_end(query),
                     kAnew);
}

std::optional<QueryTopic> input_topic(const DefinedQuery& query, const engine::InputStep& input,
                                      const storage::TopicSnapshot& topics) {
  if (input.generator) return QueryTopic{kGeneratedRows, 1};
  return input.exchange >= 0 ? exchange(query, input.exchange) : named(query, input.topic, topics);
}

std::set<Uuid> topics_read_by(const DefinedQuery& query) {
  std::set<Uuid> topics;
  // The sources of an unreadable query are unknown, so all topics that it names count as read.
  if (!query.unreadable.empty())
    for (const auto& [name, id] : query.topic_ids) topics.insert(id);
  for (const engine::StagePlan& stage : query.plan->stages)
    for (const engine::PlanNode& node : stage.nodes)
      if (const auto* input = std::get_if<engine::InputStep>(&node.step))
        if (const auto id = query.topic_ids.find(input->topic); id != query.topic_ids.end())
          topics.insert(id->second);
  return topics;
}

std::optional<QueryTopic> output_topic(const DefinedQuery& query, const engine::OutputPlan& output,
                                       const storage::TopicSnapshot& topics) {
  return output.exchange >= 0 ? exchange(query, output.exchange)
                              : named(query, output.topic, topics);
}

std::vector<DefinedQueryPtr> writers_of_topic(const MetadataImage& image, const Uuid& topic) {
  std::vector<DefinedQueryPtr> writers = image.users_of(topic);
  std::erase_if(writers, [&](const DefinedQueryPtr& query) {
    return !query->query->rebuilds.empty() ||
           std::ranges::none_of(query->plan->stages, [&](const engine::StagePlan& stage) {
             if (stage.output.exchange >= 0) return false;
             const auto written = output_topic(*query, stage.output, *image.topics);
             return written && written->id == topic;
           });
  });
  return writers;
}

size_t task_count(const DefinedQuery& query, const engine::StagePlan& stage,
                  const storage::TopicSnapshot& topics) {
  for (const engine::PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    if (!input) continue;
    // All inputs of a stage have the same number of partitions.
    const auto topic = input_topic(query, *input, topics);
    if (!topic) return 0;
    return stage.merges_partitions ? 1 : static_cast<size_t>(topic->partition_count);
  }
  return 0;
}

size_t materializing_task_count(const DefinedQuery& query, const storage::TopicSnapshot& topics) {
  const auto& materialization = query.plan->materialization;
  if (!materialization) return 0;
  return task_count(query, query.plan->stages.at(static_cast<size_t>(materialization->stage)),
                    topics);
}

}  // namespace server
