#include "server/metadata/lost_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "server/metadata/query_topics.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// Returns the name of a topic in the query, or the id of the query's journal, which has no name in
// the query.
std::string name_of(const DefinedQuery& query, const Uuid& topic) {
  for (const auto& [name, id] : query.topic_ids)
    if (id == topic) return name;
  return topic.to_string();
}

std::string what_is_lost(const DefinedQuery& query, const storage::TopicPartition& partition) {
  if (partition.topic == storage::kReplicatedJournal)
    return fmt::format("commits of the query in partition {} of {}", partition.partition.value(),
                       storage::kReplicatedJournalName);
  return fmt::format("records of topic \"{}\", partition {},", name_of(query, partition.topic),
                     partition.partition.value());
}

}  // namespace

PartitionElections elections_over(const DefinedQuery& query,
                                  const storage::UncleanElections& elections) {
  PartitionElections found;
  if (elections.empty()) return found;
  std::set<Uuid> topics;
  for (const auto& [name, id] : query.topic_ids) topics.insert(id);
  for (const Uuid& topic : topics)
    for (auto each = elections.lower_bound(storage::TopicPartition{topic, PartitionId{0}});
         each != elections.end() && each->first.topic == topic; ++each)
      found.emplace_back(each->first, each->second);
  if (!query.journal) return found;
  const storage::TopicPartition journal{storage::kReplicatedJournal, *query.journal};
  if (const auto* election = elections.get(journal)) found.emplace_back(journal, *election);
  return found;
}

Revision newest_of(const PartitionElections& elections) {
  return std::ranges::max(elections, {}, [](const auto& each) { return each.second.revision; })
      .second.revision;
}

std::optional<Error> why_lost(const DefinedQuery& query, const PartitionElections& elections) {
  // The first election since the query was created is the reason: when the later ones happened, the
  // query was already affected.
  const std::pair<storage::TopicPartition, storage::UncleanElection>* first = nullptr;
  for (const auto& each : elections)
    if (each.second.revision > query.made_at &&
        (first == nullptr || each.second.revision < first->second.revision))
      first = &each;
  if (first == nullptr) return std::nullopt;
  return Error{
      ErrorCode::ObjectState,
      fmt::format("{} were lost by an unclean election of a leader (epoch {}): the state and the "
                  "output of the query may contain records that the log no longer has",
                  what_is_lost(query, first->first), first->second.epoch.value()),
      {},
      hint_about_lost_records(query)};
}

Error why_reading_ends(const MetadataImage& image, const storage::TopicPartition& partition,
                       const storage::UncleanElection& election) {
  const storage::TopicInfo* topic = image.topics->find(partition.topic);
  return Error{
      ErrorCode::ObjectState,
      fmt::format("records of topic \"{}\", partition {}, were lost by an unclean election of a "
                  "leader (epoch {}): earlier rows may come from records that the log no longer "
                  "has",
                  topic == nullptr ? partition.topic.to_string() : topic->name,
                  partition.partition.value(), election.epoch.value()),
      {},
      "Run the query again. It then starts with the present records."};
}

std::vector<std::string> queries_over(const MetadataImage& image,
                                      std::span<const storage::TopicPartition> partitions) {
  std::set<Uuid> topics;
  std::set<PartitionId> journals;
  for (const storage::TopicPartition& partition : partitions) {
    if (partition.topic == storage::kReplicatedJournal)
      journals.insert(partition.partition);
    else
      topics.insert(partition.topic);
  }
  std::set<std::string> found;
  for (const Uuid& topic : topics)
    for (const DefinedQueryPtr& query : image.users_of(topic)) found.insert(query->plan->id);
  if (!journals.empty())
    for (const auto& [id, query] : image.queries())
      if (query->journal && journals.contains(*query->journal)) found.insert(id);
  return {found.begin(), found.end()};
}

}  // namespace server
