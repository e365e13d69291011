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
    EXPECT_EQ(followers[NodeId{id}].size(), 4U);  // all others take over a part of it
  }
}

TEST(Placement, partitions_that_come_later_go_on_in_turn) {
  const auto table = nodes({"", "", ""});
  const auto all = place_replicas(*table.snapshot(), topic(7), 0, 10, 2).value();
  const auto later = place_replicas(*table.snapshot(), topic(7), 4, 6, 2).value();
  EXPECT_EQ(later, (std::vector<std::vector<NodeId>>(all.begin() + 4, all.end())));
}

TEST(Placement, replicas_are_in_different_racks) {
  const auto table = nodes({"a", "a", "b", "b", "c", "c"});
  const auto rack = [](NodeId node) { return (node.value() - 1) / 2; };
  const auto placed = place_replicas(*table.snapshot(), topic(0), 0, 6, 3);
  ASSERT_TRUE(placed);
  for (const auto& replicas : *placed) {
    std::set<int32_t> racks;
    for (const NodeId node : replicas) racks.insert(rack(node));
    EXPECT_EQ(racks.size(), 3U);
  }
}

TEST(Placement, one_node_is_enough_for_one_replica_and_not_for_two) {
  const auto table = nodes({""});
  const auto one = place_replicas(*table.snapshot(), topic(9), 0, 2, 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->at(1), std::vector{NodeId{1}});
  const auto two = place_replicas(*table.snapshot(), topic(9), 0, 2, 2);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().message, "2 replicas need as many nodes, and 1 are there");
}

TEST(Placement, a_node_that_is_away_gets_nothing) {
  auto table = nodes({"", "", ""});
  ASSERT_TRUE(
      table.apply(storage::encode_fence_node(NodeId{2}, storage::NodeEpoch{2}, true), Revision{}));
  const auto placed = place_replicas(*table.snapshot(), topic(0), 0, 6, 2);
  ASSERT_TRUE(placed);
  for (const auto& replicas : *placed)
    for (const NodeId node : replicas) EXPECT_NE(node, NodeId{2});
}
