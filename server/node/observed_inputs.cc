#include "server/node/observed_inputs.h"

#include <variant>

#include "base/log.h"
#include "server/metadata/query_topics.h"
#include "storage/log/task_journal.h"

namespace server {

void ObservedInputs::tell() {
  std::set<Uuid> all{storage::kReplicatedJournal};
  for (const auto& [query, topics] : inputs_) all.insert(topics.begin(), topics.end());
  member_.observe(std::move(all));
}

void ObservedInputs::start(std::vector<QueryPtr> queries) {
  const auto topics = find_topics_();
  for (const QueryPtr& query : queries) note(*query, *topics);
  tell();
  queries_.start(std::move(queries));
}

void ObservedInputs::stop(const DefinedQuery& defined, Keep keep) {
  queries_.stop(defined, keep);
  if (keep == Keep::Nothing && inputs_.erase(defined.plan->id) > 0) tell();
}

void ObservedInputs::note(const DefinedQuery& query, const storage::TopicSnapshot& topics) {
  std::set<Uuid>& inputs = inputs_[query.plan->id];
  for (const engine::StagePlan& stage : query.plan->stages)
    for (const engine::PlanNode& node : stage.nodes) {
      const auto* input = std::get_if<engine::InputStep>(&node.step);
      if (!input || input->exchange >= 0 || input->generator) continue;
      if (const auto topic = input_topic(query, *input, topics)) inputs.insert(topic->id);
    }
  for (const Uuid& topic : inputs) make_partitions(topic, topics);
  if (query.journal) make_partitions(storage::kReplicatedJournal, topics);
}

// They are there before the query's tasks are, empty as those of a replica that is to come.
void ObservedInputs::make_partitions(const Uuid& id, const storage::TopicSnapshot& topics) {
  const storage::TopicInfo* topic = topics.find(id);
  if (!topic || log_.find_partition({id, PartitionId{topic->partition_count - 1}})) return;
  const Status made = storage::create_partitions_and_wait(log_, id, topic->partition_count);
  if (!made)
    log_error("partitions not created topic={} error=\"{}\"", topic->name, made.error().message);
}

}  // namespace server
