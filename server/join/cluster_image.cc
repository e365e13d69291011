#include "server/join/cluster_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "engine/catalog/passed_numbers.h"
#include "engine/plan/serial_columns.h"
#include "engine/types/ascii.h"
#include "server/metadata/apply_command.h"
#include "storage/log/task_journal.h"
#include "storage/meta/cluster_table.h"

namespace server {

namespace {

// In a cluster, the command at revision n allocates the producer ids from n times this number on
// (docs/formats/cluster.md).
constexpr int64_t kProducersOfRevision = 1'000;

bool is_shared(const DefinedQuery& query) {
  return query.query->kind != engine::QueryKind::SourceTable;
}

std::string name_of(const DefinedQuery& query) {
  const std::string& sink = query.query->sink;
  return sink.empty()
             ? fmt::format("query {}", query.query->id)
             : fmt::format("query {} into {}", query.query->id, engine::display_name(sink));
}

void find_in_query(const MetadataImage& image, const DefinedQuery& query,
                   std::vector<std::string>& found) {
  const auto note = [&](std::string_view what) {
    found.push_back(fmt::format("{} {}", name_of(query), what));
  };
  if (!query.unreadable.empty())
    return note("cannot be read by this program: drop it, or use the program that created it");
  if (query.rebuilt_sink || query.stands || !query.query->rebuilds.empty())
    return note("is being rebuilt: start the server alone, and stop it when the rebuild has ended");
  if (!is_shared(query)) return;
  if (query.query->kind == engine::QueryKind::View)
    return note("keeps a materialized view, which is not supported in a cluster yet: drop it");
  for (const auto& [name, topic] : query.topic_ids)
    if (image.topics->find(topic) == nullptr)
      return note(fmt::format("has lost its topic \"{}\", which was deleted: drop it", name));
}

// Gives SERIAL columns sequences, as a declaration in a cluster does.
std::shared_ptr<const engine::Catalog> with_own_sequences(const engine::Catalog& catalog,
                                                          const GreatestSerials& serials) {
  auto changed = std::make_shared<engine::Catalog>(catalog);
  for (const auto& [name, source] : catalog.sources()) {
    engine::NumberedTable numbered = engine::with_own_sequences(source, *changed, Uuid::random);
    if (numbered.made.empty()) continue;
    changed->put(numbered.table);
    const auto greatest = serials.find(name);
    for (engine::Sequence& each : numbered.made) {
      if (greatest != serials.end())
        if (const auto its = greatest->second.find(each.owner_column);
            its != greatest->second.end())
          engine::pass_numbers(each, its->second, its->second);
      const auto made = std::make_shared<const engine::Sequence>(std::move(each));
      changed->sequences.set(made->name, made);
    }
  }
  return changed;
}

}  // namespace

std::vector<std::string> obstacles_to_join(const MetadataImage& image) {
  std::vector<std::string> found;
  if (!image.open_definitions.empty())
    found.emplace_back(
        "definitions of a transaction that has not ended: start the server alone once, which rolls "
        "them back, and stop it");
  for (const std::string& each : image.left_out)
    found.push_back(fmt::format("a damaged definition ({})", each));
  for (const auto& [name, source] : image.catalog->sources()) {
    const std::string shown = engine::display_name(name);
    if (image.unread_sources.get(name) != nullptr)
      found.push_back(
          fmt::format("{} cannot be read by this program: use the program that created it", shown));
    if (source->is_temporary)
      found.push_back(fmt::format(
          "the temporary table {}: start the server alone once, which drops it, and stop it",
          shown));
  }
  for (const auto& [id, query] : image.queries()) find_in_query(image, *query, found);
  for (const auto& [name, connector] : *image.connectors)
    found.push_back(fmt::format(
        "the connector {}: a join does not take connectors over: drop it before the join", name));
  return found;
}

std::vector<DefinedQueryPtr> shared_queries(const MetadataImage& image) {
  std::vector<DefinedQueryPtr> shared;
  for (const auto& [id, query] : image.queries())
    if (is_shared(*query)) shared.push_back(query);
  return shared;
}

std::vector<DefinedQueryPtr> queries_of_cluster(const MetadataImage& image) {
  std::vector<DefinedQueryPtr> queries;
  Revision revision = image.revision;
  for (const DefinedQueryPtr& query : shared_queries(image)) {
    auto shared = std::make_shared<DefinedQuery>(*query);
    shared->journal = storage::replicated_journal_of(query->query->id);
    shared->made_at = shared->planned_at = ++revision;
    queries.push_back(std::move(shared));
  }
  return queries;
}

std::set<PartitionId> journals_for(const MetadataImage& image) {
  std::set<PartitionId> journals;
  for (const DefinedQueryPtr& query : shared_queries(image))
    journals.insert(storage::replicated_journal_of(query->query->id));
  return journals;
}

Result<storage::MetadataSnapshot> as_cluster(const MetadataImage& image,
                                             const storage::TopicTable& topics,
                                             const FirstNodeFacts& node) {
  MetadataImage changed = image;
  changed.catalog = with_own_sequences(*image.catalog, node.serials);
  storage::TopicTable all_topics = topics;
  Revision revision = image.revision;
  for (const DefinedQueryPtr& query : queries_of_cluster(image)) {
    revision = query->made_at;
    changed.put(query);
  }
  if (revision > image.revision)
    TRY(all_topics.apply(
        storage::encode_create_topic({storage::kReplicatedJournal,
                                      std::string(storage::kReplicatedJournalName),
                                      storage::kReplicatedJournals,
                                      {{"retention.bytes", "-1"}, {"retention.ms", "-1"}}})));
  // Revision 1 is not used, because it would be read as the first command of a log without a
  // snapshot.
  constexpr Revision kLeast{2};
  revision = std::max({revision + 1, node.last_in_etcd + 1, kLeast,
                       Revision{node.next_producer.value() / kProducersOfRevision + 1}});
  changed.revision = revision;
  changed.topics = all_topics.snapshot();
  storage::ClusterTable cluster;
  storage::ClusterNode itself{.id = node.id};
  itself.directory = node.directory;
  // The newest feature level is used, as in any new cluster, because no node runs an earlier
  // program.
  TRY(cluster.apply(storage::encode_raise_level(storage::kNewestLevel), revision));
  TRY(cluster.apply(storage::encode_register_node(itself), revision));
  for (const auto& [name, topic] : changed.topics->by_name())
    for (PartitionId number{0}; number < PartitionId{topic.partition_count}; ++number) {
      storage::PartitionAssignment assignment{{topic.id, number}};
      assignment.replicas = assignment.isr = {node.id};
      assignment.leader_epoch = node.leader_epoch(assignment.partition) + 1;
      TRY(cluster.apply(storage::encode_assign_partition(assignment), revision));
    }
  storage::MetadataSnapshot snapshot = snapshot_of(changed, all_topics);
  snapshot.state.parts.push_back({std::string(storage::kClusterPart), cluster.save()});
  return snapshot;
}

}  // namespace server
