#include "client/admin/replica_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "client/admin/reassignment_file.h"

namespace client {
namespace {

ClusterListing cluster_of(int nodes, std::vector<NodeNumbers> partitions) {
  ClusterListing cluster;
  for (int id = 1; id <= nodes; ++id) cluster.nodes.push_back({.id = id, .host = "h", .port = id});
  for (size_t i = 0; i < partitions.size(); ++i) {
    ReplicaListing& known = cluster.partitions[{"t", static_cast<int32_t>(i)}];
    known.leader = partitions[i].front();
    known.replicas = known.in_sync = partitions[i];
  }
  return cluster;
}

std::map<int32_t, int> counts_after(const ClusterListing& cluster, const ReplicaPlan& plan) {
  std::map<int32_t, int> counts;
  for (const auto& [partition, known] : cluster.partitions) {
    const auto planned = plan.find(partition);
    for (const int32_t node : planned != plan.end() ? planned->second : known.replicas)
      ++counts[node];
  }
  return counts;
}

TEST(ReplicaPlan, the_replicas_of_a_drained_node_move_to_the_least_loaded_nodes) {
  const auto cluster = cluster_of(4, {{1, 2}, {2, 3}, {1, 3}, {4, 1}});
  const ReplicaPlan plan = plan_without(cluster, 1).value();
  EXPECT_EQ(plan.size(), 3u) << "the rest stays";
  for (const auto& [partition, replicas] : plan) {
    EXPECT_EQ(replicas.size(), 2u);
    EXPECT_NE(replicas[0], replicas[1]);
    EXPECT_TRUE(std::ranges::find(replicas, 1) == replicas.end());
  }
  EXPECT_EQ(counts_after(cluster, plan), (std::map<int32_t, int>{{2, 3}, {3, 3}, {4, 2}}));
  EXPECT_FALSE(plan_without(cluster_of(2, {{1, 2}}), 1)) << "there is nobody else";
}

TEST(ReplicaPlan, a_node_that_is_away_with_the_only_replica_in_sync_is_not_drained) {
  auto cluster = cluster_of(3, {{1, 2}, {4}, {4, 1}});
  EXPECT_TRUE(plan_without(cluster, 4)) << "the partitions have leaders";
  cluster.partitions[{"t", 1}].leader = cluster.partitions[{"t", 2}].leader = -1;
  cluster.partitions[{"t", 2}].in_sync = {4};
  const auto refused = plan_without(cluster, 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "node 4 is away and has the only replica in sync of t-1, t-2");
  cluster.nodes.push_back({.id = 4, .host = "h", .port = 4});
  EXPECT_TRUE(plan_without(cluster, 4)) << "the node is there and can be copied soon";
}

TEST(ReplicaPlan, racks_stay_apart_where_they_can) {
  auto cluster = cluster_of(4, {{1, 2}});
  cluster.nodes[0].rack = cluster.nodes[2].rack = "a";
  cluster.nodes[1].rack = cluster.nodes[3].rack = "b";
  EXPECT_EQ(plan_without(cluster, 1).value().at({"t", 0}), (NodeNumbers{3, 2}));
  EXPECT_EQ(plan_without(cluster, 2).value().at({"t", 0}), (NodeNumbers{1, 4}));
}

TEST(ReplicaPlan, a_new_node_gets_its_share_with_few_moves) {
  const auto cluster = cluster_of(
      4, {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 3, 2}, {2, 1, 3}, {3, 2, 1}, {1, 2, 3}, {2, 3, 1}});
  const ReplicaPlan plan = plan_balanced(cluster);
  for (const auto& [node, count] : counts_after(cluster, plan)) EXPECT_EQ(count, 6) << node;
  size_t moved = 0;
  for (const auto& [partition, replicas] : plan)
    for (const int32_t node : replicas)
      moved += std::ranges::count(cluster.partitions.at(partition).replicas, node) == 0 ? 1 : 0;
  EXPECT_EQ(moved, 6u);
}

TEST(ReplicaPlan, only_the_named_new_node_gets_replicas) {
  const auto cluster = cluster_of(
      5, {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 3, 2}, {2, 1, 3}, {3, 2, 1}, {1, 2, 3}, {2, 3, 1}});
  const auto counts = counts_after(cluster, plan_share_of(cluster, 4));
  EXPECT_EQ(counts.at(4), 6);
  EXPECT_FALSE(counts.contains(5));
  auto racks = cluster_of(4, {{1, 2}, {1, 2}, {1, 2}});
  racks.nodes[0].rack = "a";
  racks.nodes[1].rack = racks.nodes[3].rack = "b";
  for (const auto& [partition, replicas] : plan_share_of(racks, 4))
    EXPECT_EQ(std::ranges::count(replicas, 1), 1) << "both replicas would be in one rack";
  EXPECT_TRUE(plan_share_of(cluster, 9).empty());
}

TEST(ReplicaPlan, leaders_are_preferred_evenly) {
  const auto cluster = cluster_of(3, {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}});
  std::set<int32_t> preferred;
  ReplicaPlan plan = plan_balanced(cluster);
  for (const auto& [partition, known] : cluster.partitions)
    preferred.insert(plan.contains(partition) ? plan.at(partition).front()
                                              : known.replicas.front());
  EXPECT_EQ(preferred, (std::set<int32_t>{1, 2, 3}));
  EXPECT_TRUE(plan_balanced(cluster_of(3, {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}})).empty());
}

TEST(ReplicaPlan, partitions_get_more_replicas_and_keep_their_old_ones) {
  const auto cluster = cluster_of(4, {{1}, {1}, {1}, {2, 3}, {1, 2, 3, 4}});
  const ReplicaPlan plan = plan_wider(cluster, 3).value();
  EXPECT_EQ(plan.size(), 4u) << "nothing is taken from the last one";
  for (const auto& [partition, replicas] : plan) {
    const NodeNumbers& before = cluster.partitions.at(partition).replicas;
    EXPECT_EQ(replicas.size(), 3u);
    EXPECT_EQ(std::set(replicas.begin(), replicas.end()).size(), 3u);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), replicas.begin()));
  }
  const auto counts = counts_after(cluster, plan);
  for (const int32_t node : {2, 3, 4}) EXPECT_GE(counts.at(node), 3) << node;
  EXPECT_TRUE(plan_wider(cluster, 1).value().empty());
  EXPECT_FALSE(plan_wider(cluster, 5)) << "there are four nodes";

  auto racks = cluster_of(3, {{1}});
  racks.nodes[0].rack = racks.nodes[1].rack = "a";
  racks.nodes[2].rack = "b";
  EXPECT_EQ(plan_wider(racks, 2).value().at({"t", 0}), (NodeNumbers{1, 3}));
}

TEST(ReplicaPlan, replicas_are_dealt_to_the_nodes_that_are_named) {
  const auto cluster = cluster_of(4, {{1, 2}, {2, 1}, {1, 2}});
  const ReplicaPlan plan = plan_generated(cluster, {"t"}, {3, 4}).value();
  EXPECT_EQ(plan.size(), 3u);
  EXPECT_EQ(plan.at({"t", 0}), (NodeNumbers{3, 4}));
  EXPECT_EQ(plan.at({"t", 1}), (NodeNumbers{4, 3}));
  EXPECT_FALSE(plan_generated(cluster, {"t"}, {3}));
}

TEST(ReassignmentFile, is_read_and_written) {
  const ReplicaPlan plan{{{"a", 0}, {1, 2}}, {{"b\"", 3}, {4}}};
  const std::string text = to_json(plan);
  EXPECT_EQ(
      text,
      R"({"version":1,"partitions":[{"topic":"a","partition":0,"replicas":[1,2],"log_dirs":["any","any"]},)"
      R"({"topic":"b\"","partition":3,"replicas":[4],"log_dirs":["any"]}]})");
  EXPECT_EQ(parse_reassignments(text).value(), plan);
  EXPECT_FALSE(parse_reassignments("{}"));
  EXPECT_FALSE(parse_reassignments("nothing"));
  EXPECT_FALSE(parse_reassignments(R"({"version":2,"partitions":[]})"));
  EXPECT_FALSE(parse_reassignments(R"({"partitions":[]})"));
  EXPECT_FALSE(parse_reassignments(
      R"({"partitions":[{"topic":"a","partition":0,"replicas":[1]},{"topic":"a","partition":0,"replicas":[2]}]})"));
  EXPECT_FALSE(
      parse_reassignments(R"({"partitions":[{"topic":"a","partition":0,"replicas":["1"]}]})"));
  EXPECT_EQ(parse_topics_to_move(R"({"topics":[{"topic":"a"}],"version":1})").value(),
            std::set<std::string>{"a"});
  EXPECT_EQ(parse_partitions(R"({"partitions":[{"topic":"a","partition":4}]})").value(),
            (std::set<TopicPartitionKey>{{"a", 4}}));
  EXPECT_EQ(parse_node_list("3,1").value(), (std::set<int32_t>{1, 3}));
  EXPECT_FALSE(parse_node_list("1,1"));
  EXPECT_FALSE(parse_node_list("1,x"));
}

TEST(ReplicaPlan, replicas_of_a_new_topic_are_read) {
  using Partitions = std::vector<std::vector<int32_t>>;
  EXPECT_EQ(parse_replica_assignment("2").value(), (Partitions{{2}}));
  EXPECT_EQ(parse_replica_assignment("2:1,1:3").value(), (Partitions{{2, 1}, {1, 3}}));
  for (const char* wrong : {"", "1:1", "1:2,3", "1,2:3", "1:,2:3", "1,", "a", "-1"})
    EXPECT_FALSE(parse_replica_assignment(wrong)) << wrong;
}

}  // namespace
}  // namespace client
