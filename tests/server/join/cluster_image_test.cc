#include "server/join/cluster_image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "server/metadata/apply_command.h"
#include "storage/log/task_journal.h"
#include "storage/meta/cluster_table.h"
#include "storage/replica/task_producer.h"

namespace server {
namespace {

using storage::TopicPartition;

constexpr Revision kBefore{41};

struct Server {
  MetadataImage image;
  storage::TopicTable topics;
  Uuid topic = Uuid::random();
  GreatestSerials serials = {};

  Server() {
    image.revision = kBefore;
    EXPECT_TRUE(topics.apply(storage::encode_create_topic({topic, "t", 3, {}})));
    image.topics = topics.snapshot();
  }
  std::shared_ptr<DefinedQuery> add(const std::string& id,
                                    engine::QueryKind kind = engine::QueryKind::CreateAs) {
    auto query = std::make_shared<engine::PersistentQuery>();
    query->id = id;
    query->kind = kind;
    auto plan = std::make_shared<engine::QueryPlan>();
    plan->id = id;
    auto defined = std::make_shared<DefinedQuery>();
    defined->query = query;
    defined->plan = plan;
    image.put(defined);
    return defined;
  }
  void add_source(engine::DataSource source) {
    auto catalog = std::make_shared<engine::Catalog>(*image.catalog);
    catalog->put(std::make_shared<const engine::DataSource>(std::move(source)));
    image.catalog = catalog;
  }
  storage::MetadataSnapshot as_cluster(ProducerId next_producer = ProducerId{0},
                                       Revision last_in_etcd = Revision{0}) const {
    return server::as_cluster(image, topics,
                              {NodeId{7}, Uuid::random(), next_producer, last_in_etcd,
                               [](const TopicPartition&) { return LeaderEpoch{4}; }, serials})
        .value();
  }
};

storage::ClusterTable cluster_of(const storage::MetadataSnapshot& snapshot) {
  for (const storage::MetadataPart& part : snapshot.state.parts)
    if (part.type == storage::kClusterPart) return storage::ClusterTable::load(part.bytes).value();
  return {};
}

// Returns the image that a node would have. The part of the snapshot about the cluster is removed,
// because another class reads it.
MetadataImagePtr image_of(storage::MetadataSnapshot snapshot) {
  std::erase_if(snapshot.state.parts,
                [](const auto& part) { return part.type == storage::kClusterPart; });
  storage::TopicTable topics;
  return apply_snapshot(snapshot, topics).value().next;
}

TEST(ClusterImage, each_partition_has_its_replica_on_the_node_and_waits_for_a_leader) {
  const Server server;
  const storage::ClusterTable cluster = cluster_of(server.as_cluster());
  const auto known = cluster.snapshot();
  ASSERT_EQ(known->nodes().size(), 1u);
  EXPECT_TRUE(known->find(NodeId{7})->is_fenced);
  ASSERT_EQ(known->partitions().size(), 3u);
  for (const auto& [partition, assignment] : known->partitions()) {
    EXPECT_EQ(assignment.replicas, std::vector{NodeId{7}});
    EXPECT_EQ(assignment.isr, std::vector{NodeId{7}});
    EXPECT_EQ(assignment.leader, std::nullopt);
    EXPECT_EQ(assignment.leader_epoch, LeaderEpoch{5}) << "one that the log does not have";
  }
}

TEST(ClusterImage, the_cluster_is_at_the_level_of_one_that_is_begun_now) {
  const Server server;
  EXPECT_EQ(cluster_of(server.as_cluster()).snapshot()->feature_level(), storage::kNewestLevel);
}

TEST(ClusterImage, its_revision_is_behind_all_revisions_and_producers_that_there_were) {
  const Server server;
  EXPECT_EQ(server.as_cluster().revision, kBefore + 1);
  EXPECT_EQ(server.as_cluster(ProducerId{99'999}).revision, Revision{100});
  EXPECT_EQ(server.as_cluster(ProducerId{0}, Revision{70}).revision, Revision{71})
      << "who has read what it replaces reads it anew";
  Server fresh;
  fresh.image.revision = Revision{0};
  EXPECT_EQ(fresh.as_cluster().revision, Revision{2}) << "the first command is read as one of many";
}

TEST(ClusterImage, queries_get_journals_and_producers_of_their_own) {
  Server server;
  for (const char* id : {"CSAS_A_1", "CSAS_B_2", "INSERTQUERY_3"}) server.add(id);
  server.add("CST_T_1", engine::QueryKind::SourceTable);
  const auto snapshot = server.as_cluster();
  const MetadataImagePtr image = image_of(snapshot);
  std::set<ProducerId> producers;
  for (const DefinedQueryPtr& query : shared_queries(*image)) {
    EXPECT_EQ(query->journal, storage::replicated_journal_of(query->query->id));
    EXPECT_GT(query->made_at, kBefore);
    EXPECT_LT(query->made_at, snapshot.revision);
    producers.insert(storage::TaskProducer{query->made_at, 0, 0}.id());
  }
  EXPECT_EQ(producers.size(), 3u);
  EXPECT_EQ(image->find_query("CST_T_1")->journal, std::nullopt) << "each node runs it for itself";
  EXPECT_NE(image->topics->find(storage::kReplicatedJournal), nullptr);
  EXPECT_EQ(cluster_of(snapshot).snapshot()->partitions().size(),
            3u + storage::kReplicatedJournals);
  EXPECT_FALSE(journals_for(*image).empty());
}

TEST(ClusterImage, serial_columns_go_on_behind_the_numbers_that_there_are) {
  Server server;
  for (const char* name : {"S", "EMPTY"}) {
    engine::DataSource serial;
    serial.name = name;
    serial.schema.columns.emplace_back().name = "ID";
    serial.schema.columns.back().is_serial = true;
    server.add_source(serial);
  }
  server.serials["S"]["ID"] = 41;
  EXPECT_TRUE(obstacles_to_join(server.image).empty());
  const MetadataImagePtr image = image_of(server.as_cluster());
  for (const char* name : {"S", "EMPTY"})
    EXPECT_FALSE(image->catalog->find_source(name)->schema.columns[0].is_serial);
  EXPECT_EQ(image->catalog->find_source("S")->schema.columns[0].default_sql, "nextval('s_id_seq')");
  const engine::SequencePtr* behind = image->catalog->sequences.get("S_ID_SEQ");
  ASSERT_NE(behind, nullptr);
  EXPECT_TRUE((*behind)->is_called);
  EXPECT_EQ((*behind)->last_value, 41);
  EXPECT_EQ((*behind)->owner_table, "S");
  const engine::SequencePtr* first = image->catalog->sequences.get("EMPTY_ID_SEQ");
  ASSERT_NE(first, nullptr);
  EXPECT_FALSE((*first)->is_called);
}

TEST(ClusterImage, obstacles_for_a_cluster_are_named) {
  Server server;
  EXPECT_TRUE(obstacles_to_join(server.image).empty());
  server.add("CSAS_A_1");
  EXPECT_TRUE(obstacles_to_join(server.image).empty());

  auto rebuilt = std::make_shared<DefinedQuery>(*server.add("CTAS_B_2"));
  rebuilt->stands = true;
  server.image.put(rebuilt);
  auto without_topic = std::make_shared<DefinedQuery>(*server.add("CSAS_C_3"));
  without_topic->topic_ids["gone"] = Uuid::random();
  server.image.put(without_topic);
  engine::DataSource temporary;
  temporary.name = "PG_TEMP";
  temporary.is_temporary = true;
  server.add_source(temporary);
  server.image.left_out.emplace_back("revision 3: damaged");
  server.image.connectors =
      std::make_shared<const storage::Connectors>(storage::Connectors{{"crm", nullptr}});

  const auto found = obstacles_to_join(server.image);
  EXPECT_EQ(found.size(), 5u);
  for (const char* part :
       {"query CTAS_B_2", "topic \"gone\"", "pg_temp", "revision 3", "connector crm"})
    EXPECT_EQ(std::ranges::count_if(
                  found, [&](const std::string& each) { return each.find(part) != each.npos; }),
              1)
        << part;
}

}  // namespace
}  // namespace server
