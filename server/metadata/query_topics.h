// The topics that the stages of a defined query read and write, and their numbers of partitions.
// Pure.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "server/metadata/image.h"

namespace server {

// The number of partitions comes from the metadata, never from this node's log: some partitions may
// be on other nodes, or not exist yet.
struct QueryTopic {
  Uuid id;
  int32_t partition_count = 0;
};

// Stands for the topic of a generated input, in whose only partition row n is at offset n. No log
// contains it.
inline constexpr Uuid kGeneratedRows{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// Nothing if the topic was deleted. Exchanges belong to the query and always exist.
std::optional<QueryTopic> input_topic(const DefinedQuery& query, const engine::InputStep& input,
                                      const storage::TopicSnapshot& topics);
// The ids of all topics that the query reads. For an unreadable query, all topics that it names.
std::set<Uuid> topics_read_by(const DefinedQuery& query);
// Nothing also if the stage writes no topic.
std::optional<QueryTopic> output_topic(const DefinedQuery& query, const engine::OutputPlan& output,
                                       const storage::TopicSnapshot& topics);
// The topic of a query that is built beside another one, until it replaces that one.
std::string rebuild_topic(std::string_view query_id);
// The name of a topic that the query reads or writes and that was deleted.
std::optional<std::string> lost_topic(const DefinedQuery& query,
                                      const storage::TopicSnapshot& topics);
// The remedy for a lost topic: `... DROP TABLE T, and create it anew.`
std::string hint_about_lost_topic(const DefinedQuery& query);
// The remedy for damaged data that the query has stored.
std::string hint_about_damage(const DefinedQuery& query);
// The remedy for records that the query has read or written and that are in no log any longer.
std::string hint_about_lost_records(const DefinedQuery& query);
// How many tasks the stage has when all of them run; 0 if its input was deleted.
size_t task_count(const DefinedQuery& query, const engine::StagePlan& stage,
                  const storage::TopicSnapshot& topics);
// How many tasks keep the query's table; each keeps a part of its rows.
size_t materializing_task_count(const DefinedQuery& query, const storage::TopicSnapshot& topics);

}  // namespace server
