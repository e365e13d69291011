#include "server/cluster/scrub_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

using namespace server;
using storage::RangeDigest;
using storage::TopicPartition;

namespace {

constexpr NodeId kHere{1}, kThere{2}, kElsewhere{3};

TopicPartition partition(int32_t number = 0) {
  TopicPartition id;
  id.topic.bytes = {1};
  id.partition = PartitionId{number};
  return id;
}

// A leader whose log has a hundred offsets, which are compared in ranges of fifty.
class ScrubCallsTest : public ::testing::Test {
 protected:
  ScrubCallsTest() { lead(kHere, 0); }
  void lead(NodeId leader, int32_t number) {
    storage::PartitionAssignment assignment{.partition = partition(number)};
    assignment.replicas = assignment.isr = {kHere, kThere, kElsewhere};
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{4};
    ASSERT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{1}));
  }
  void pass(int64_t us) {
    clock.advance_us(us);
    calls.tick();
  }
  template <class Message>
  Message take(NodeId to) {
    EXPECT_FALSE(sent.empty());
    if (sent.empty()) return {};
    EXPECT_EQ(sent.front().first, to);
    auto message = std::get<Message>(sent.front().second);
    sent.pop_front();
    return message;
  }
  // Checks that both followers receive a request for the range, and sends their answers. The second
  // follower answers with the digest `second`.
  void compare(Offset from, Offset end, uint64_t second = 7) {
    const auto there = take<AskDigest>(kThere), elsewhere = take<AskDigest>(kElsewhere);
    EXPECT_EQ(there.from, from);
    EXPECT_EQ(there.end, end);
    EXPECT_EQ(elsewhere.end, end);
    calls.on_message(kThere, DigestReported{.number = there.number, .digest = 7});
    calls.on_message(kElsewhere, DigestReported{.number = elsewhere.number, .digest = second});
  }

  SimulatedClock clock{1'700'000'000'000};
  storage::ClusterTable table;
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::vector<ReplicaDifference> found;
  LeaderEnds ends{LeaderEpoch{4}, Offset{100}, true, {kThere, kElsewhere}};
  std::optional<LeaderEpoch> follows;
  RangeDigest own{.digest = 7, .size_bytes = 1'000};
  ScrubCalls calls{
      {.self = kHere,
       .clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .leads = [this](const TopicPartition&) { return ends; },
       .follows = [this](const TopicPartition&) { return follows; },
       .digest =
           [this](const TopicPartition&, Offset from, std::optional<Offset> end, size_t,
                  const ScrubCalls::Digested& done) {
             RangeDigest digest = own;
             digest.from = from;
             digest.end = end.value_or(std::min(from + 50, Offset{100}));
             done(digest);
           },
       .found = [this](const ReplicaDifference& difference) { found.push_back(difference); }},
      {.bytes_per_second = 10'000, .round_us = 60'000'000, .answer_us = 1'000'000}};
};

TEST_F(ScrubCallsTest, AllRangesAreComparedInTurnAtTheirPace) {
  lead(kThere, 1);  // the node does not lead this partition
  lead(kHere, 2);
  pass(1);
  compare(Offset{0}, Offset{50});
  pass(50'000);
  EXPECT_TRUE(sent.empty()) << "a thousand bytes take a tenth of a second";
  pass(50'000);
  compare(Offset{50}, Offset{100});
  for (int i = 0; i < 3; ++i) pass(100'000);
  const auto second = take<AskDigest>(kThere);
  EXPECT_EQ(second.partition, partition(2));
  EXPECT_EQ(second.from, Offset{0});
  EXPECT_EQ(calls.rounds(), 0);
  // A node that does not answer is left out, like a follower with another leader epoch.
  take<AskDigest>(kElsewhere);
  pass(2'000'000);
  pass(100'000);
  take<AskDigest>(kThere);
  take<AskDigest>(kElsewhere);
  for (int i = 0; i < 30; ++i) pass(100'000);
  EXPECT_EQ(calls.rounds(), 1);
  EXPECT_TRUE(sent.empty());
  EXPECT_TRUE(found.empty());
  pass(60'000'000);
  EXPECT_EQ(take<AskDigest>(kThere).from, Offset{0}) << "the next round";
}

TEST_F(ScrubCallsTest, ADifferenceThatRemainsIsReportedOnce) {
  pass(1);
  compare(Offset{0}, Offset{50}, 8);
  EXPECT_TRUE(found.empty());
  pass(1'000'000);
  compare(Offset{0}, Offset{50}, 8);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].node, kElsewhere);
  EXPECT_EQ(found[0].from, Offset{0});
  EXPECT_EQ(found[0].end, Offset{50});
  EXPECT_FALSE(found[0].damaged);
  EXPECT_EQ(calls.differing_count(), 1);
  pass(1'000'000);
  compare(Offset{50}, Offset{100});
  for (int i = 0; i < 3; ++i) pass(100'000);
  EXPECT_EQ(calls.differing_count(), 1);
  // The difference still exists in the next round, and is repaired before the round after that.
  pass(60'000'000);
  compare(Offset{0}, Offset{50}, 8);
  pass(1'000'000);
  compare(Offset{0}, Offset{50}, 8);
  EXPECT_EQ(found.size(), 1U);
  pass(1'000'000);
  compare(Offset{50}, Offset{100});
  for (int i = 0; i < 3; ++i) pass(100'000);
  pass(60'000'000);
  compare(Offset{0}, Offset{50});
  pass(100'000);
  compare(Offset{50}, Offset{100});
  for (int i = 0; i < 3; ++i) pass(100'000);
  EXPECT_EQ(calls.differing_count(), 0);
}

TEST_F(ScrubCallsTest, ADifferenceForAMomentIsNotReported) {
  pass(1);
  compare(Offset{0}, Offset{50}, 8);
  pass(1'000'000);
  compare(Offset{0}, Offset{50});
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(calls.differing_count(), 0);
}

TEST_F(ScrubCallsTest, RecordsThatEachReplicaRemovesAndCompactsForItselfAreLeftOut) {
  own.comparable_from = Offset{30};
  pass(1);
  EXPECT_TRUE(sent.empty());
  pass(100'000);
  const auto there = take<AskDigest>(kThere), elsewhere = take<AskDigest>(kElsewhere);
  EXPECT_EQ(there.from, Offset{50});
  // The follower has compacted more of the range than the leader.
  calls.on_message(
      kThere, DigestReported{.number = there.number, .digest = 9, .comparable_from = Offset{51}});
  calls.on_message(kElsewhere, DigestReported{.number = elsewhere.number, .digest = 7});
  pass(2'000'000);
  EXPECT_TRUE(sent.empty());
  EXPECT_TRUE(found.empty());
}

TEST_F(ScrubCallsTest, DamagedBytesOfAReplicaAreReported) {
  own.damaged = Offset{20};
  own.digest = 9;
  pass(1);
  compare(Offset{0}, Offset{50});
  pass(1'000'000);
  compare(Offset{0}, Offset{50});
  ASSERT_EQ(found.size(), 1U) << "the others are right";
  EXPECT_EQ(found[0].node, kHere);
  EXPECT_EQ(found[0].damaged, Offset{20});
}

TEST_F(ScrubCallsTest, ALogUnderAnotherEpochIsNotJudged) {
  const AskDigest ask{5, partition(), LeaderEpoch{4}, Offset{0}, Offset{50}};
  calls.on_message(kThere, ask);
  EXPECT_TRUE(take<DigestReported>(kThere).error);
  follows = LeaderEpoch{4};
  calls.on_message(kThere, ask);
  const auto told = take<DigestReported>(kThere);
  EXPECT_FALSE(told.error);
  EXPECT_EQ(told.number, 5U);
  EXPECT_EQ(told.digest, 7U);
  // The leader was replaced while it waited for the digests.
  pass(1);
  const auto there = take<AskDigest>(kThere), elsewhere = take<AskDigest>(kElsewhere);
  ends.epoch = LeaderEpoch{6};
  calls.on_message(kThere, DigestReported{.number = there.number, .digest = 9});
  calls.on_message(kElsewhere, DigestReported{.number = elsewhere.number, .digest = 9});
  pass(2'000'000);
  EXPECT_TRUE(found.empty());
}

}  // namespace
