#include "server/node/observed_inputs.h"

#include "server/metadata/missing_partitions.h"
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

// Creates this node's partitions for the topics that the query reads, because they must exist
// before the query's tasks start. They are empty at first, like a new replica.
void ObservedInputs::note(const DefinedQuery& query, const storage::TopicSnapshot& topics) {
  std::set<Uuid>& inputs = inputs_[query.plan->id];
  inputs = topics_read_by(query);
  // A rebuild also reads the topics of the old and the new table, at the node that runs its query.
  if (query.rebuilt_sink)
    for (const auto& [name, topic] : query.topic_ids) inputs.insert(topic);
  std::set<Uuid> needed = inputs;
  if (query.journal) needed.insert(storage::kReplicatedJournal);
  for (const Uuid& id : needed)
    if (const storage::TopicInfo* topic = topics.find(id)) make_missing_partitions(log_, *topic);
}

}  // namespace server
