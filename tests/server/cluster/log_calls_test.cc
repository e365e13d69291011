#include "server/cluster/log_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

using namespace server;
using storage::TopicPartition;

namespace {

constexpr NodeId kOne{1}, kTwo{2}, kThree{3}, kAway{4};

TopicPartition partition(int32_t number) {
  TopicPartition partition{{}, PartitionId{number}};
  partition.topic.bytes[0] = 7;
  return partition;
}

class LogCallsTest : public ::testing::Test {
 protected:
  LogCallsTest() {
    for (const NodeId id : {kOne, kTwo, kThree, kAway}) {
      EXPECT_TRUE(table.apply(storage::encode_register_node({.id = id}), Revision{id.value()}));
      const storage::NodeEpoch epoch{id.value()};
      EXPECT_TRUE(table.apply(storage::encode_fence_node(id, epoch, id == kAway), Revision{9}));
    }
    assign(0, {kOne, kTwo, kAway, kThree});
    assign(1, {kTwo});
    assign(2, {kAway});
  }
  void assign(int32_t number, std::vector<NodeId> replicas) {
    storage::PartitionAssignment assignment{partition(number)};
    assignment.replicas = std::move(replicas);
    EXPECT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{10}));
  }
  void ask() {
    calls.ask({partition(0), partition(1), partition(2)},
              [this](Result<LogCalls::Best> told) { best = std::move(told); });
  }
  void tell(NodeId from, std::vector<LogsReported::Log> logs) {
    calls.on_message(from,
                     LogsReported{std::get<AskLogs>(sent.at(0).second).number, std::move(logs)});
  }

  SimulatedClock clock{1'700'000'000'000};
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  storage::ClusterTable table;
  LogsReported::Log own;
  std::optional<Result<LogCalls::Best>> best;
  LogCalls calls{
      {.self = kOne,
       .clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .log_of = [this](const TopicPartition&) { return own; }}};
};

}  // namespace

TEST_F(LogCallsTest, ANewerEpochIsBetterThanALongerLog) {
  own = {LeaderEpoch{3}, Offset{500}};
  ask();
  ASSERT_EQ(sent.size(), 2U) << "who is away is not asked";
  EXPECT_EQ(sent[0].first, kTwo);
  EXPECT_EQ(std::get<AskLogs>(sent[0].second).partitions,
            (std::vector{partition(0), partition(1)}));
  EXPECT_EQ(std::get<AskLogs>(sent[1].second).partitions, std::vector{partition(0)});
  tell(kTwo, {{LeaderEpoch{4}, Offset{300}}, {}});
  EXPECT_FALSE(best);
  tell(kThree, {{LeaderEpoch{4}, Offset{301}}});
  ASSERT_TRUE(best && *best);
  EXPECT_EQ(**best, (LogCalls::Best{{partition(0), kThree}, {partition(1), kTwo}}));
}

TEST_F(LogCallsTest, ADiskThatIsNewHasTheShortestOne) {
  ask();
  tell(kTwo, {{LeaderEpoch{0}, Offset{1}}, {}});
  tell(kThree, {{}});
  ASSERT_TRUE(best && *best);
  EXPECT_EQ((*best)->at(partition(0)), kTwo);
}

TEST_F(LogCallsTest, ASilentNodeIsNotTakenForWorse) {
  ask();
  tell(kThree, {{LeaderEpoch{4}, Offset{301}}});
  clock.advance_us(2'100'000);
  calls.tick();
  ASSERT_TRUE(best);
  ASSERT_FALSE(*best);
  EXPECT_EQ(best->error().code, ErrorCode::NetworkFailure);
  EXPECT_EQ(best->error().message, "node 2 has not reported the ends of its logs");
}

TEST_F(LogCallsTest, LeadersReportTheirReadableEnds) {
  storage::PartitionAssignment led = *table.snapshot()->find(partition(0));
  led.isr = {kTwo, kThree};
  led.leader = kThree;
  ++led.leader_epoch;
  ++led.version;
  ASSERT_TRUE(table.apply(storage::encode_assign_partition(led), Revision{11}));
  std::optional<std::map<TopicPartition, Offset>> ends;
  const auto ask_leaders = [&] {
    sent.clear();
    ends.reset();
    calls.ask_leaders({partition(0), partition(1)}, [&](auto told) { ends = std::move(told); });
  };
  ask_leaders();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, kThree);
  EXPECT_EQ(std::get<AskLogs>(sent[0].second).partitions, std::vector{partition(0)});
  tell(kThree, {{LeaderEpoch{4}, Offset{301}, Offset{299}}});
  ASSERT_TRUE(ends);
  EXPECT_EQ(*ends, (std::map<TopicPartition, Offset>{{partition(0), Offset{299}}}));
  ask_leaders();
  clock.advance_us(2'100'000);
  calls.tick();
  ASSERT_TRUE(ends);
  EXPECT_TRUE(ends->empty());
}

TEST_F(LogCallsTest, AQuestionIsAnsweredInItsOrder) {
  own = {LeaderEpoch{3}, Offset{500}};
  calls.on_message(kTwo, AskLogs{5, {partition(1), partition(0)}});
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, kTwo);
  const auto& told = std::get<LogsReported>(sent[0].second);
  EXPECT_EQ(told.number, 5U);
  EXPECT_EQ(told.logs, (std::vector{own, own}));
}
