// The topics that the stages of a defined query read and write, and their numbers of partitions.
// The functions do no I/O.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/metadata/image.h"

namespace server {

// A topic that a query reads or writes. The number of partitions comes from the metadata, never
// from this node's log: some partitions may be on other nodes, or not exist yet.
struct QueryTopic {
  Uuid id;
  int32_t partition_count = 0;
};

// Stands for the topic of a generated input, in whose only partition row n is at offset n. No log
// contains it.
inline constexpr Uuid kGeneratedRows{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

// Returns the topic of the input; nothing if the topic was deleted. Exchanges belong to the query
// and always exist.
std::optional<QueryTopic> input_topic(const DefinedQuery& query, const engine::InputStep& input,
                                      const storage::TopicSnapshot& topics);
// Returns the ids of all topics that the query reads; for an unreadable query, of all topics that
// it names.
std::set<Uuid> topics_read_by(const DefinedQuery& query);
// Returns the topic to which the stage writes; nothing if the topic was deleted, or if the stage
// writes no topic.
std::optional<QueryTopic> output_topic(const DefinedQuery& query, const engine::OutputPlan& output,
                                       const storage::TopicSnapshot& topics);
// Returns the queries whose stages write the topic, except queries that are built to replace others
// and have not replaced them yet. The topic is identified by its id, because several streams and
// tables may have the same topic, and a query names only one of them.
std::vector<DefinedQueryPtr> writers_of_topic(const MetadataImage& image, const Uuid& topic);
// Returns the name of the temporary topic of a rebuild: the new query, which runs at the same time
// as the old one, writes to this topic until it replaces the old one.
std::string rebuild_topic(std::string_view query_id);
// Returns the name of a deleted topic that the query reads or writes; nothing if all topics exist.
std::optional<std::string> lost_topic(const DefinedQuery& query,
                                      const storage::TopicSnapshot& topics);
// Returns the remedy for a lost topic: `... DROP TABLE T, and create it again.`
std::string hint_about_lost_topic(const DefinedQuery& query);
// Returns the remedy for damaged data that the query has stored.
std::string hint_about_damage(const DefinedQuery& query);
// Returns the remedy for records that the query has read or written and that no log contains any
// longer.
std::string hint_about_lost_records(const DefinedQuery& query);
// Returns the number of tasks that the stage has when all of them run; 0 if its input was deleted.
size_t task_count(const DefinedQuery& query, const engine::StagePlan& stage,
                  const storage::TopicSnapshot& topics);
// Returns the number of tasks that keep the query's table; each keeps a part of the table's rows.
size_t materializing_task_count(const DefinedQuery& query, const storage::TopicSnapshot& topics);

}  // namespace server
