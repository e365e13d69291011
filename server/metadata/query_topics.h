// Which topics the stages of a defined query read and write, and how many partitions those have.
// Pure.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "server/metadata/image.h"

namespace server {

// The number of partitions comes from the metadata, never from the log of this node: a part of the
// partitions may lie elsewhere, or not be made yet.
struct QueryTopic {
  Uuid id;
  int32_t partition_count = 0;
};

// What stands for the topic of an input that generates, in whose only partition row n lies at offset n. No log has it.
inline constexpr Uuid kGeneratedRows{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// Nothing when the topic was deleted. Exchanges belong to the query and are always there.
std::optional<QueryTopic> input_topic(const DefinedQuery& query, const engine::InputStep& input,
                                      const storage::TopicSnapshot& topics);
// The ids of all topics that the query reads; of one that cannot be read, of all that it names.
std::set<Uuid> topics_read_by(const DefinedQuery& query);
// Nothing, too, when the stage writes no topic.
std::optional<QueryTopic> output_topic(const DefinedQuery& query, const engine::OutputPlan& output,
                                       const storage::TopicSnapshot& topics);
// The topic of a query that is built beside another one, until it takes its place.
std::string rebuild_topic(std::string_view query_id);
// The name of a topic that the query reads or writes and that was deleted.
std::optional<std::string> lost_topic(const DefinedQuery& query,
                                      const storage::TopicSnapshot& topics);
// What to do then: "... DROP TABLE T, and create it anew."
std::string hint_about_lost_topic(const DefinedQuery& query);
// What to do when something that the query has stored is damaged.
std::string hint_about_damage(const DefinedQuery& query);
// What to do when records that it has read, or written, are in no log any more.
std::string hint_about_lost_records(const DefinedQuery& query);
// How many tasks the stage has when all of them run; none when what it reads was deleted.
size_t task_count(const DefinedQuery& query, const engine::StagePlan& stage,
                  const storage::TopicSnapshot& topics);
// How many tasks keep the query's table, one for each part of its rows.
size_t materializing_task_count(const DefinedQuery& query, const storage::TopicSnapshot& topics);

}  // namespace server
