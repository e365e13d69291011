#include "server/cluster/leader_end_requests.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>

using namespace server;
using storage::NodeEpoch;
using storage::TopicPartition;

namespace {

constexpr NodeId kHere{1}, kThere{2}, kElsewhere{3};

TopicPartition partition(int32_t number = 0) {
  TopicPartition id;
  id.topic.bytes = {1};
  id.partition = PartitionId{number};
  return id;
}

class LeaderEndRequestsTest : public ::testing::Test {
 protected:
  void lead(NodeId leader, int32_t its_epoch, int32_t number = 0) {
    storage::PartitionAssignment assignment{.partition = partition(number)};
    assignment.replicas = assignment.isr = {kHere, kThere, kElsewhere};
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{its_epoch};
    assignment.version = versions[number]++;
    ASSERT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{1}));
  }
  template <class Message>
  Message take(NodeId to) {
    EXPECT_FALSE(sent.empty());
    EXPECT_EQ(sent.front().first, to);
    auto message = std::get<Message>(sent.front().second);
    sent.pop_front();
    return message;
  }
  void ask(std::vector<TopicPartition> partitions) {
    calls.ask(std::move(partitions), open_wait_us,
              [this](Result<LeaderEndRequests::Ends> answer) { told = std::move(answer); });
  }

  SimulatedClock clock{1'700'000'000'000};
  int64_t open_wait_us = 8'000'000;
  std::map<int32_t, int32_t> versions;
  storage::ClusterTable table;
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::optional<Result<LeaderEndRequests::Ends>> told;
  std::optional<NodeEpoch> epoch = NodeEpoch{5};
  std::vector<std::function<void(Status)>> metadata_asked;
  LeaderEnds ends{LeaderEpoch{4}, Offset{17}, true, {kThere, kElsewhere}};
  std::vector<LeaderEnds> ends_of;  // ends by partition, if they differ
  LeaderEndRequests calls{
      {.self = kHere,
       .clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .epoch = [this] { return epoch; },
       .leads =
           [this](const TopicPartition& asked) {
             const auto at = static_cast<size_t>(asked.partition.value());
             return at < ends_of.size() ? ends_of[at] : ends;
           },
       .confirm_read =
           [this](std::function<void(Status)> done) { metadata_asked.push_back(std::move(done)); }},
      {}};
};

TEST_F(LeaderEndRequestsTest, EachLeaderIsAskedForAllThatItLeads) {
  lead(kThere, 4, 0);
  lead(kElsewhere, 4, 1);
  lead(kThere, 4, 2);
  ask({partition(0), partition(1), partition(2)});
  const auto first = take<AskEnds>(kThere), second = take<AskEnds>(kElsewhere);
  EXPECT_EQ(first.partitions.size(), 2U);
  calls.on_message(kThere, EndsReported{first.number, {}, {Offset{10}, Offset{12}}});
  EXPECT_FALSE(told);
  calls.on_message(kElsewhere, EndsReported{second.number, {}, {Offset{11}}});
  ASSERT_TRUE(told && *told);
  EXPECT_EQ(**told, (LeaderEndRequests::Ends{{partition(0), Offset{10}},
                                             {partition(1), Offset{11}},
                                             {partition(2), Offset{12}}}));
}

TEST_F(LeaderEndRequestsTest, AnAnswerOfAFormerLeaderIsNotUsed) {
  lead(kThere, 4);
  ask({partition()});
  const auto first = take<AskEnds>(kThere);
  lead(kElsewhere, 5);
  calls.on_message(kThere, EndsReported{first.number, Error{ErrorCode::NotLeader, "no"}, {}});
  clock.advance_us(50'000);
  calls.tick();
  const auto second = take<AskEnds>(kElsewhere);
  // kThere, the former leader, has already answered with an error. This is a late second answer.
  calls.on_message(kThere, EndsReported{first.number, {}, {Offset{3}}});
  EXPECT_FALSE(told);
  calls.on_message(kElsewhere, EndsReported{second.number, {}, {Offset{20}}});
  ASSERT_TRUE(told && *told);
}

TEST_F(LeaderEndRequestsTest, ALostQuestionIsRepeatedAndFinallyGivenUp) {
  lead(kThere, 4);
  ask({partition()});
  take<AskEnds>(kThere);
  for (int i = 0; i < 120 && !told; ++i) {
    clock.advance_us(50'000);
    calls.tick();
  }
  EXPECT_GT(sent.size(), 5U);
  EXPECT_LT(sent.size(), 30U);
  ASSERT_TRUE(told && !*told);
  EXPECT_EQ(told->error().code, ErrorCode::NotLeader);
}

TEST_F(LeaderEndRequestsTest, RowsThatWereAcknowledgedAreNotLeftOutBehindAnOpenTransaction) {
  ends.heirs.clear();
  ends.acknowledged_end = Offset{20};  // records before offset 17 are readable
  calls.on_message(kThere, AskEnds{8, {partition(0)}});
  ends.acknowledged_end = Offset{30};  // this end is used only for later requests
  clock.advance_us(10'000);
  calls.tick();
  EXPECT_TRUE(sent.empty());
  ends.readable_end = Offset{21};
  calls.tick();
  EXPECT_EQ(take<EndsReported>(kThere).ends, std::vector<Offset>{Offset{21}});
  // The error with the reason is sent before the caller repeats its request.
  calls.on_message(kThere, AskEnds{9, {partition(0)}});
  clock.advance_us(290'000);
  calls.tick();
  EXPECT_EQ(take<EndsReported>(kThere).error->message,
            "acknowledged rows follow an open transaction");
  // If a transaction cannot end, the error names the cause: too few replicas in sync.
  ends.has_min_isr = false;
  calls.on_message(kThere, AskEnds{10, {partition(0)}});
  clock.advance_us(290'000);
  calls.tick();
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotEnoughReplicas);
}

TEST_F(LeaderEndRequestsTest, AnOpenTransactionIsWaitedForAsLongAsTheReaderWants) {
  for (const int64_t wait_us : {1'000'000, 8'000'000}) {
    open_wait_us = wait_us;
    told.reset();
    lead(kThere, 4);
    ask({partition()});
    const int64_t begun_us = clock.monotonic_us();
    while (!told && clock.monotonic_us() < begun_us + 20'000'000) {
      if (!sent.empty())
        calls.on_message(kThere, EndsReported{.number = take<AskEnds>(kThere).number,
                                              .error = Error{ErrorCode::ObjectState, "behind"}});
      clock.advance_us(10'000);
      calls.tick();
    }
    ASSERT_TRUE(told && !*told);
    EXPECT_EQ(told->error().code, ErrorCode::ObjectState);
    EXPECT_EQ(told->error().hint, "");  // adding nodes would not help
    EXPECT_NEAR(static_cast<double>(clock.monotonic_us() - begun_us), static_cast<double>(wait_us),
                100'000);
    sent.clear();
  }
}

TEST_F(LeaderEndRequestsTest, ALeaderAsksTheNodesThatCouldLeadByNow) {
  calls.on_message(kThere, AskEnds{8, {partition(0), partition(1)}});
  const auto first = take<ConfirmLeader>(kThere), second = take<ConfirmLeader>(kElsewhere);
  EXPECT_EQ(first.led.size(), 2U);
  calls.on_message(kThere, LeaderConfirmed{first.number});
  calls.on_message(kThere, LeaderConfirmed{first.number});
  EXPECT_TRUE(sent.empty());
  calls.on_message(kElsewhere, LeaderConfirmed{second.number});
  const auto answer = take<EndsReported>(kThere);
  EXPECT_EQ(answer.number, 8U);
  EXPECT_EQ(answer.ends, (std::vector<Offset>{Offset{17}, Offset{17}}));
}

TEST_F(LeaderEndRequestsTest, OneThatKnowsOfANewerLeaderIsEnough) {
  calls.on_message(kThere, AskEnds{8, {partition()}});
  const auto first = take<ConfirmLeader>(kThere);
  take<ConfirmLeader>(kElsewhere);
  calls.on_message(kThere, LeaderConfirmed{first.number, Error{ErrorCode::NotLeader, "newer"}});
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotLeader);
}

TEST_F(LeaderEndRequestsTest, ANewLeaderWaitsUntilAllEarlierRecordsAreVisible) {
  ends.has_all_of_before = false;
  calls.on_message(kThere, AskEnds{8, {partition()}});
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotEnoughReplicas);
}

TEST_F(LeaderEndRequestsTest, ANewLeaderWaitsForTheEndOfATransactionFromBeforeIt) {
  ends.heirs.clear();
  ends.begin = Offset{20};  // records before offset 17 are readable
  calls.on_message(kThere, AskEnds{8, {partition()}});
  EXPECT_TRUE(sent.empty());
  ends.readable_end = Offset{20};
  calls.tick();
  EXPECT_EQ(take<EndsReported>(kThere).ends, std::vector<Offset>{Offset{20}});
}

TEST_F(LeaderEndRequestsTest, AConfirmationRequiresAllMetadataFromBeforeIt) {
  lead(kThere, 4);
  calls.on_message(kThere, ConfirmLeader{1, {{partition(), LeaderEpoch{4}}}});
  EXPECT_FALSE(take<LeaderConfirmed>(kThere).error);
  epoch.reset();
  calls.on_message(kThere, ConfirmLeader{2, {{partition(), LeaderEpoch{4}}}});
  EXPECT_EQ(take<LeaderConfirmed>(kThere).error->code, ErrorCode::NotEnoughReplicas);
  epoch = NodeEpoch{6};
  lead(kHere, 5);
  calls.on_message(kThere, ConfirmLeader{3, {{partition(), LeaderEpoch{4}}}});
  EXPECT_TRUE(take<LeaderConfirmed>(kThere).error);
}

// --- Partitions with fewer replicas in sync than min.insync.replicas

TEST_F(LeaderEndRequestsTest, ALoneLeaderReadsTheMetadataInsteadOfAskingAbsentNodes) {
  ends.has_min_isr = false;
  lead(kHere, 4);
  calls.on_message(kThere, AskEnds{8, {partition()}});
  EXPECT_TRUE(sent.empty());
  ASSERT_EQ(metadata_asked.size(), 1U);
  metadata_asked[0]({});
  EXPECT_EQ(take<EndsReported>(kThere).ends, std::vector<Offset>{Offset{17}});
  // The node has not read all metadata, which may name another leader.
  calls.on_message(kThere, AskEnds{9, {partition()}});
  metadata_asked.at(1)(Error{ErrorCode::NotLeader, "more"});
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotLeader);
  // The node cannot reach etcd.
  calls.on_message(kThere, AskEnds{10, {partition()}});
  metadata_asked.at(2)(Error{ErrorCode::NetworkFailure, "away"});
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotEnoughReplicas);
  // The metadata log does not answer; a later answer is ignored.
  calls.on_message(kThere, AskEnds{11, {partition()}});
  clock.advance_us(5'000'000);
  calls.tick();
  EXPECT_TRUE(take<EndsReported>(kThere).error);
  metadata_asked.at(3)({});
  EXPECT_TRUE(sent.empty());
}

// A case found by simulation: the answer that all metadata had been read arrived after the node had read of another
// leader.
TEST_F(LeaderEndRequestsTest, ALoneLeaderThatReadsOfAnotherLeaderDoesNotLead) {
  ends.has_min_isr = false;
  lead(kHere, 4);
  calls.on_message(kThere, AskEnds{8, {partition()}});
  lead(kThere, 5);
  metadata_asked.at(0)({});
  EXPECT_EQ(take<EndsReported>(kThere).error->code, ErrorCode::NotLeader);
}

TEST_F(LeaderEndRequestsTest, BothAreHeardWhereOneIsAloneInOnlySome) {
  const LeaderEnds enough = ends;
  LeaderEnds alone = ends;
  alone.has_min_isr = false;
  alone.heirs.clear();
  ends_of = {enough, alone};
  calls.on_message(kThere, AskEnds{8, {partition(0), partition(1)}});
  const auto first = take<ConfirmLeader>(kThere), second = take<ConfirmLeader>(kElsewhere);
  EXPECT_EQ(first.led.size(), 1U);
  calls.on_message(kThere, LeaderConfirmed{first.number});
  calls.on_message(kElsewhere, LeaderConfirmed{second.number});
  EXPECT_TRUE(sent.empty());
  metadata_asked.at(0)({});
  EXPECT_EQ(take<EndsReported>(kThere).ends.size(), 2U);
}

// --- Whether this node is still the leader

TEST_F(LeaderEndRequestsTest, ALeaderIsConfirmedByAllNodesThatCouldLeadByNow) {
  std::optional<Status> confirmed;
  const auto confirm = [&] {
    confirmed.reset();
    calls.confirm(partition(), [&](Status status) { confirmed = std::move(status); });
  };
  confirm();
  const auto first = take<ConfirmLeader>(kThere), second = take<ConfirmLeader>(kElsewhere);
  ASSERT_EQ(first.led.size(), 1U);
  EXPECT_EQ(first.led[0].partition, partition());
  EXPECT_EQ(first.led[0].epoch, LeaderEpoch{4});
  calls.on_message(kThere, LeaderConfirmed{first.number});
  EXPECT_FALSE(confirmed);
  calls.on_message(kElsewhere, LeaderConfirmed{second.number});
  ASSERT_TRUE(confirmed);
  EXPECT_TRUE(*confirmed);
  // Another node reports a newer leader.
  confirm();
  const auto third = take<ConfirmLeader>(kThere);
  take<ConfirmLeader>(kElsewhere);
  calls.on_message(kThere, LeaderConfirmed{third.number, Error{ErrorCode::NotLeader, "no"}});
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::NotLeader);
  // Another node does not answer.
  confirm();
  const auto fourth = take<ConfirmLeader>(kThere);
  take<ConfirmLeader>(kElsewhere);
  calls.on_message(kThere, LeaderConfirmed{fourth.number});
  clock.advance_us(5'000'000);
  calls.tick();
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::NotEnoughReplicas);
  // No other node could be the leader.
  ends.heirs.clear();
  confirm();
  ASSERT_TRUE(confirmed);
  EXPECT_TRUE(*confirmed);
}

// Without this rule a coordinator of groups returned NOT_COORDINATOR for some time after the death of a replica.
// librdkafka does not ask again for the offsets of a group after this error (its issue 5586), so its consumers read
// nothing.
TEST_F(LeaderEndRequestsTest, ALeaderAsksAgainUntilADeadNodeCanNoLongerLead) {
  std::optional<Status> confirmed;
  const auto confirm_without_kElsewhere = [&] {
    confirmed.reset();
    sent.clear();
    ends.heirs = {kThere, kElsewhere};
    calls.confirm(partition(), [&](Status status) { confirmed = std::move(status); });
    calls.on_message(kThere, LeaderConfirmed{take<ConfirmLeader>(kThere).number});
    take<ConfirmLeader>(kElsewhere);
    clock.advance_us(1'000'000);
    calls.tick();
    EXPECT_FALSE(confirmed);
  };
  confirm_without_kElsewhere();
  ends.heirs = {kThere};  // kElsewhere is fenced
  clock.advance_us(100'000);
  calls.tick();
  const auto again = take<ConfirmLeader>(kThere);
  EXPECT_TRUE(sent.empty());
  EXPECT_FALSE(confirmed);
  calls.on_message(kThere, LeaderConfirmed{again.number});
  ASSERT_TRUE(confirmed);
  EXPECT_TRUE(*confirmed);
  // This node has lost its leadership, and has got it again: the caller's answer may be outdated.
  confirm_without_kElsewhere();
  ends.epoch = LeaderEpoch{6};
  clock.advance_us(100'000);
  calls.tick();
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::NotLeader);
  // kElsewhere is neither fenced nor does it answer.
  confirm_without_kElsewhere();
  for (int i = 0; i < 100 && !confirmed; ++i) {
    clock.advance_us(50'000);
    calls.tick();
    while (!sent.empty() && sent.front().first == kThere)
      calls.on_message(kThere, LeaderConfirmed{take<ConfirmLeader>(kThere).number});
    sent.clear();
  }
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->error().code, ErrorCode::NotEnoughReplicas);
}

TEST_F(LeaderEndRequestsTest, ANodeThatHasJustStartedIsAskedAgain) {
  std::optional<Status> confirmed;
  ends.heirs = {kThere};
  calls.confirm(partition(), [&](Status status) { confirmed = std::move(status); });
  calls.on_message(kThere, LeaderConfirmed{take<ConfirmLeader>(kThere).number,
                                           Error{ErrorCode::NotEnoughReplicas, "just started"}});
  EXPECT_FALSE(confirmed);
  clock.advance_us(100'000);
  calls.tick();
  calls.on_message(kThere, LeaderConfirmed{take<ConfirmLeader>(kThere).number});
  ASSERT_TRUE(confirmed);
  EXPECT_TRUE(*confirmed);
}

}  // namespace
