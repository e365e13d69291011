// Tests a node without a cluster: the local implementations of the interfaces to other nodes.
#include <atomic>

#include "server/node/peers.h"
#include "storage/kv/memory_store.h"
#include "storage/meta/cluster_membership.h"
#include "tests/storage/log/log_fixture.h"

namespace server {
namespace {

class LonePeersTest : public testing::Test {
 protected:
  LonePeersTest() : log_(storage::Log::open(disk_.open(), {}).value()) {}
  std::unique_ptr<Peers> open() {
    auto peers = open_lone(*log_);
    EXPECT_TRUE(peers);
    return *std::move(peers);
  }

  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_;
  const storage::TopicPartition partition_{Uuid::random(), PartitionId{3}};
};

TEST_F(LonePeersTest, a_lone_node_leads_all_partitions_and_asks_no_other_node) {
  const auto peers = open();
  const std::atomic<bool> must_stop = false;
  ASSERT_TRUE(peers->begin(must_stop));
  EXPECT_EQ(peers->leaders()(partition_), Leads::ThisNode);
  EXPECT_FALSE(peers->lacks_replicas(partition_));
  EXPECT_EQ(peers->unclean_elections().size(), 0u);
  EXPECT_FALSE(peers->is_suspended());
  EXPECT_FALSE(peers->is_isolated());
  EXPECT_EQ(peers->node_id(), std::nullopt);
  EXPECT_EQ(peers->cluster_id(), log_->store().instance_id().to_string());
  int answers = 0;
  peers->find_ends({partition_}, [&](const auto& ends) { answers += ends.empty() ? 1 : 100; });
  peers->ask_groups([&](const GroupCalls::Told& told) {
    answers += told.groups.empty() && told.incomplete.empty() ? 1 : 100;
  });
  EXPECT_EQ(answers, 2) << "answered within the call";
}

TEST_F(LonePeersTest, no_message_goes_to_other_nodes_and_locks_are_never_lost) {
  const auto peers = open();
  EXPECT_FALSE(peers->notify_nodes());
  NamedLocks::HoldPtr hold;
  const auto place = peers->locks().ask({.name = "a"}, [&](Result<NamedLocks::HoldPtr> answer) {
    ASSERT_TRUE(answer);
    hold = *answer;
  });
  ASSERT_TRUE(hold);
  peers->leave();
  EXPECT_FALSE(hold->is_lost());
  bool is_released = false;
  hold.reset();
  peers->locks().await_releases([&] { is_released = true; });
  EXPECT_TRUE(is_released);
}

TEST_F(LonePeersTest, kafka_answers_need_no_confirmation) {
  const auto peers = open();
  KafkaPart& kafka = peers->kafka();
  EXPECT_TRUE(kafka.leads_all());
  EXPECT_FALSE(kafka.waits_for_replicas());
  EXPECT_FALSE(kafka.routes_transactions());
  std::set<storage::TopicPartition> confirmed;
  kafka.confirm_leads({partition_}, [&](auto leads) { confirmed = std::move(leads); });
  EXPECT_EQ(confirmed, std::set{partition_});
  bool is_trimmed = false;
  kafka.await_trimmed(partition_, Offset{7}, 1'000,
                      [&](const Status& status) { is_trimmed = status.has_value(); });
  EXPECT_TRUE(is_trimmed);
}

// The definitions of a cluster's member are in etcd, so a node without a cluster would not find
// them.
TEST_F(LonePeersTest, the_directory_of_a_member_is_rejected) {
  ASSERT_TRUE(storage::write_cluster_membership(*log_, {"blue", NodeId{2}}));
  const auto peers = open_lone(*log_);
  ASSERT_FALSE(peers);
  EXPECT_EQ(peers.error().code, ErrorCode::ObjectState);
  EXPECT_EQ(peers.error().message, "the data directory belongs to node 2 of cluster \"blue\"");
}

}  // namespace
}  // namespace server
