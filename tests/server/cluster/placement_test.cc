#include "server/cluster/placement.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace server;

namespace {

storage::ClusterTable nodes(const std::vector<std::string>& racks) {
  storage::ClusterTable table;
  int64_t revision = 0;
  for (const std::string& rack : racks) {
    storage::ClusterNode node{.id = NodeId{static_cast<int32_t>(++revision)}};
    node.rack = rack;
    EXPECT_TRUE(table.apply(storage::encode_register_node(node), Revision{revision}));
    EXPECT_TRUE(table.apply(
        storage::encode_fence_node(node.id, storage::NodeEpoch{revision}, false), Revision{}));
  }
  return table;
}

void go_away(storage::ClusterTable& table, int32_t id) {
  ASSERT_TRUE(table.apply(storage::encode_fence_node(NodeId{id}, storage::NodeEpoch{id}, true),
                          Revision{}));
}

Uuid topic(uint8_t last) {
  Uuid id;
  id.bytes[15] = last;
  return id;
}

}  // namespace

TEST(Placement, leaders_and_replicas_are_shared_equally) {
  const auto table = nodes({"", "", "", "", ""});
  const auto placed = place_replicas(*table.snapshot(), topic(3), 0, 100, 3);
  ASSERT_TRUE(placed);
  std::map<NodeId, int> leads, has;
  std::map<NodeId, std::set<NodeId>> followers;
  for (const auto& replicas : *placed) {
    ASSERT_EQ(std::set<NodeId>(replicas.begin(), replicas.end()).size(), 3U);
    ++leads[replicas.front()];
    for (const NodeId node : replicas) ++has[node];
    followers[replicas.front()].insert(replicas.begin() + 1, replicas.end());
  }
  for (int32_t id = 1; id <= 5; ++id) {
    EXPECT_EQ(leads[NodeId{id}], 20);
    EXPECT_EQ(has[NodeId{id}], 60);
    EXPECT_EQ(followers[NodeId{id}].size(), 4U);  // all other nodes take over a part of the load
  }
}

TEST(Placement, partitions_that_come_later_go_on_in_turn) {
  const auto table = nodes({"", "", ""});
  const auto all = place_replicas(*table.snapshot(), topic(7), 0, 10, 2).value();
  const auto later = place_replicas(*table.snapshot(), topic(7), 4, 6, 2).value();
  EXPECT_EQ(later, (std::vector<std::vector<NodeId>>(all.begin() + 4, all.end())));
}

// Replicas are in different racks in all rounds; the followers of a leader change from round to
// round.
TEST(Placement, replicas_are_in_different_racks) {
  const auto table = nodes({"a", "a", "b", "b", "c", "c"});
  const auto rack = [](NodeId node) { return (node.value() - 1) / 2; };
  const auto placed = place_replicas(*table.snapshot(), topic(0), 0, 60, 3);
  ASSERT_TRUE(placed);
  std::map<NodeId, int> has;
  for (const auto& replicas : *placed) {
    std::set<int32_t> racks;
    for (const NodeId node : replicas) racks.insert(rack(node));
    EXPECT_EQ(racks.size(), 3U);
    for (const NodeId node : replicas) ++has[node];
  }
  for (const auto& [node, count] : has) EXPECT_EQ(count, 30) << node.value();
}

TEST(Placement, with_too_few_racks_each_has_one_replica_before_another_has_two) {
  const auto table = nodes({"a", "a", "a", "b"});
  const auto placed = place_replicas(*table.snapshot(), topic(0), 0, 40, 3);
  ASSERT_TRUE(placed);
  for (const auto& replicas : *placed) {
    EXPECT_EQ(std::set<NodeId>(replicas.begin(), replicas.end()).size(), 3U);
    EXPECT_TRUE(std::ranges::find(replicas, NodeId{4}) != replicas.end());
  }
}

// The id of a topic selects the leader of its only partition, so that each of many nodes gets its share of
// the topics.
TEST(Placement, small_topics_are_spread_over_many_nodes) {
  const auto table = nodes(std::vector<std::string>(100));
  int of_first = 0, of_last = 0;
  for (int i = 0; i < 4'000; ++i) {
    const NodeId leader =
        place_replicas(*table.snapshot(), Uuid::random(), 0, 1, 3)->front().front();
    of_first += leader <= NodeId{50};
    of_last += leader > NodeId{56};
  }
  EXPECT_NEAR(of_first, 2'000, 160);
  EXPECT_NEAR(of_last, 1'760, 160);
}

// With the same successor for all topics, one node would lead all partitions that a lost node has led.
TEST(Placement, each_topic_has_another_successor_of_a_leader) {
  const auto table = nodes(std::vector<std::string>(20));
  std::set<NodeId> next;
  for (int i = 0; i < 100; ++i) {
    const auto placed = place_replicas(*table.snapshot(), Uuid::random(), 0, 20, 3);
    ASSERT_TRUE(placed);
    for (const auto& replicas : *placed)
      if (replicas.front() == NodeId{1}) next.insert(replicas[1]);
  }
  EXPECT_GT(next.size(), 10U);
}

TEST(Placement, one_node_is_enough_for_one_replica_and_not_for_two) {
  const auto table = nodes({""});
  const auto one = place_replicas(*table.snapshot(), topic(9), 0, 2, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->at(1), std::vector{NodeId{1}});
  const auto two = place_replicas(*table.snapshot(), topic(9), 0, 2, 2);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message, "2 replicas need as many nodes, but the cluster has 1");
}

TEST(Placement, a_node_that_is_away_gets_nothing_where_the_others_are_enough) {
  auto table = nodes({"", "", ""});
  go_away(table, 2);
  const auto placed = place_replicas(*table.snapshot(), topic(0), 0, 6, 2);
  ASSERT_TRUE(placed);
  for (const auto& replicas : *placed)
    for (const NodeId node : replicas) EXPECT_NE(node, NodeId{2});
}

TEST(Placement, with_too_few_nodes_present_absent_ones_get_the_rest_and_lead_nothing) {
  auto table = nodes({"a", "b", "c", "a"});
  go_away(table, 2);
  go_away(table, 4);
  const auto placed = place_replicas(*table.snapshot(), topic(1), 0, 8, 3);
  ASSERT_TRUE(placed);
  std::map<NodeId, int> has;
  for (const auto& replicas : *placed) {
    ASSERT_EQ(replicas.size(), 3U);
    EXPECT_EQ(std::set<NodeId>(replicas.begin(), replicas.begin() + 2),
              (std::set<NodeId>{NodeId{1}, NodeId{3}}));
    ++has[replicas[2]];
  }
  EXPECT_EQ(has, (std::map<NodeId, int>{{NodeId{2}, 4}, {NodeId{4}, 4}}));
  const auto assigned = assign_replicas(*table.snapshot(), topic(1), 0, *placed, 2);
  ASSERT_TRUE(assigned);
  EXPECT_EQ(assigned->at(5).partition.partition, PartitionId{5});
  EXPECT_EQ(assigned->at(5).replicas, placed->at(5));
  EXPECT_EQ(assigned->at(5).isr,
            std::vector<NodeId>(placed->at(5).begin(), placed->at(5).begin() + 2));
  EXPECT_FALSE(place_replicas(*table.snapshot(), topic(1), 0, 1, 5));
}

TEST(Placement, no_assignment_is_made_that_cannot_be_written_to) {
  auto table = nodes({"", "", ""});
  go_away(table, 2);
  go_away(table, 3);
  const auto three = place_replicas(*table.snapshot(), topic(0), 4, 1, 3).value();
  EXPECT_TRUE(assign_replicas(*table.snapshot(), topic(0), 4, three, 1));
  const auto refused = assign_replicas(*table.snapshot(), topic(0), 4, three, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(refused.error().message,
            "1 of the 3 nodes that partition 4 would be on is there, and min.insync.replicas asks "
            "for 2");
  EXPECT_TRUE(assign_replicas(*table.snapshot(), topic(0), 4, three, 2, 1));
  EXPECT_FALSE(assign_replicas(*table.snapshot(), topic(0), 4, three, 1, 2));
  // A topic with one replica needs only one node.
  const auto one = place_replicas(*table.snapshot(), topic(0), 0, 1, 1).value();
  EXPECT_TRUE(assign_replicas(*table.snapshot(), topic(0), 0, one, 2));
  go_away(table, 1);
  EXPECT_EQ(place_replicas(*table.snapshot(), topic(0), 0, 1, 1).error().code,
            ErrorCode::NotEnoughReplicas);
}
