#include "server/cluster/transaction_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

using namespace server;
using coordinator::AddPartitions;
using coordinator::EndedTransaction;
using coordinator::TransactionAnswer;
using coordinator::TransactionEnded;
using storage::NodeEpoch;
using storage::TopicPartition;

namespace {

constexpr NodeId kHere{1}, kThere{2};

TopicPartition partition() {
  TopicPartition id;
  id.topic.bytes = {1};
  return id;
}

// One node, whose messages and appends are recorded.
class TransactionCallsTest : public ::testing::Test, protected TransactionHost {
 protected:
  void lead(NodeId leader, int32_t epoch) {
    storage::PartitionAssignment assignment{.partition = partition()};
    assignment.replicas = assignment.isr = {kHere, kThere};
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{epoch};
    assignment.version = version++;
    ASSERT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{version}));
  }
  void join(AddPartitions, coordinator::Done<TransactionAnswer> done) override {
    done({.coordinator_epoch = 8});
  }
  void end(const TopicPartition&, LeaderEpoch under, const TransactionEnded&,
           std::function<void(Status)> done) override {
    appended.push_back(under);
    done({});
  }
  void begin_commit(coordinator::InitProducer request,
                    coordinator::Done<coordinator::InitializedProducer> done) override {
    begun.push_back(request.transactional_id);
    done({.producer = {ProducerId{9}, 4}});
  }
  void end_commit(coordinator::EndTransaction request,
                  coordinator::Done<coordinator::EndedTransaction> done) override {
    done({.producer = {request.producer.id, 5}, .is_told = request.waits_until_told});
  }
  void place_commit(std::string, coordinator::Done<CommitPlace>) override {}
  WriteMarker marker(uint64_t number, int32_t under, int64_t sender = 1) {
    return {NodeEpoch{sender}, number, partition(), LeaderEpoch{under}, {}};
  }
  template <class Message>
  Message take() {
    EXPECT_FALSE(sent.empty());
    Message message = std::get<Message>(sent.front().second);
    sent.pop_front();
    return message;
  }

  SimulatedClock clock{1'700'000'000'000};
  int32_t version = 0;
  storage::ClusterTable table;
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::vector<LeaderEpoch> appended;
  std::vector<std::string> begun;
  TransactionCalls calls{
      {.self = kHere,
       .clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .epoch = [] { return NodeEpoch{5}; },
       .check_leads = [](const TopicPartition&) { return Status(); },
       .host = *this},
      {}};
};

TEST_F(TransactionCallsTest, AMarkerIsTakenOnceInTheOrderOfTheNumbers) {
  lead(kHere, 4);
  calls.on_message(kThere, marker(2, 4));
  EXPECT_EQ(take<MarkerWritten>().number, 2U);
  calls.on_message(kThere, marker(2, 4));
  calls.on_message(kThere, marker(1, 4));
  EXPECT_EQ(appended.size(), 1U);
  // A marker with an old number gets an error, so that its sender repeats it under a new number.
  EXPECT_EQ(take<MarkerWritten>().error->code, ErrorCode::NetworkFailure);
  EXPECT_EQ(take<MarkerWritten>().number, 1U);
  // The sender has restarted, and its numbers begin again.
  calls.on_message(kThere, marker(1, 4, 2));
  EXPECT_EQ(appended.size(), 2U);
  calls.on_message(kThere, marker(3, 4));
  EXPECT_EQ(appended.size(), 2U);
}

TEST_F(TransactionCallsTest, AMarkerIsAppendedUnderTheLeaderEpochForWhichItWasSent) {
  lead(kHere, 4);
  calls.on_message(kThere, marker(1, 3));
  EXPECT_EQ(take<MarkerWritten>().error->code, ErrorCode::NotLeader);
  lead(kThere, 5);
  calls.on_message(kThere, marker(2, 5));
  EXPECT_EQ(take<MarkerWritten>().error->code, ErrorCode::NotLeader);
  EXPECT_TRUE(appended.empty());
}

TEST_F(TransactionCallsTest, OnlyTheAnswerToTheLastCallCounts) {
  std::vector<Status> told;
  calls.tell_end(partition(), {}, [&](const Status& status) { told.push_back(status); });
  ASSERT_EQ(told.size(), 1U);  // the partition has no leader
  EXPECT_EQ(told[0].error().code, ErrorCode::NotLeader);
  lead(kThere, 4);
  const auto tell = [&] {
    calls.tell_end(partition(), {}, [&](const Status& status) { told.push_back(status); });
  };
  tell();
  const auto first = take<WriteMarker>();
  EXPECT_EQ(first.leader_epoch, LeaderEpoch{4});
  EXPECT_EQ(first.sender_epoch, NodeEpoch{5});
  clock.advance_us(1'000'000);
  calls.tick();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].error().code, ErrorCode::NetworkFailure);
  tell();
  const auto second = take<WriteMarker>();
  EXPECT_GT(second.number, first.number);
  calls.on_message(kThere, MarkerWritten{first.number});
  EXPECT_EQ(told.size(), 2U);
  calls.on_message(kThere, MarkerWritten{second.number});
  ASSERT_EQ(told.size(), 3U);
  EXPECT_TRUE(told[2]);
}

// If replicas are slow, a marker is written after its sender has given up, and again after each new
// attempt.
TEST_F(TransactionCallsTest, AMarkerThatCameTooLateMayTakeLongerTheNextTime) {
  lead(kThere, 4);
  std::vector<Status> told;
  const auto tell_and_wait_ms = [&](int64_t ms) {
    calls.tell_end(partition(), {}, [&](const Status& status) { told.push_back(status); });
    const uint64_t number = take<WriteMarker>().number;
    clock.advance_us(ms * 1'000);
    calls.tick();
    return number;
  };
  tell_and_wait_ms(700);
  ASSERT_EQ(told.size(), 1U);
  calls.on_message(kThere, MarkerWritten{tell_and_wait_ms(700)});
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[1]);
  // The replica has caught up.
  tell_and_wait_ms(700);
  EXPECT_EQ(told.size(), 3U);
  // A sender does not wait for a node that is no longer the leader.
  tell_and_wait_ms(1);
  lead(kThere, 5);
  calls.tick();
  ASSERT_EQ(told.size(), 4U);
  EXPECT_FALSE(told[3]);
  // The usual limit for the answer to a marker holds for the next leader. With the longer limit of its predecessor, a
  // lost message would delay the marker by eight seconds.
  tell_and_wait_ms(700);
  EXPECT_EQ(told.size(), 5U);
  // The next leader also gets the usual time if no marker was in flight when the leader changed.
  lead(kHere, 6);
  lead(kThere, 7);
  tell_and_wait_ms(700);
  EXPECT_EQ(told.size(), 6U);
}

TEST_F(TransactionCallsTest, ItsNumbersContinueBehindThoseOfThePreviousProcess) {
  lead(kThere, 4);
  const auto ignore = [](const Status&) {};
  calls.tell_end(partition(), {}, ignore);
  const uint64_t before = take<WriteMarker>().number;
  clock.advance_us(1'000);
  TransactionCalls after(
      {.self = kHere,
       .clock = clock,
       .send = [this](NodeId to, ClusterMessage each) { sent.emplace_back(to, each); },
       .cluster = [this] { return table.snapshot(); },
       .epoch = [] { return NodeEpoch{6}; },
       .check_leads = [](const TopicPartition&) { return Status(); },
       .host = *this},
      {});
  after.tell_end(partition(), {}, ignore);
  EXPECT_GT(take<WriteMarker>().number, before);
}

TEST_F(TransactionCallsTest, TheCoordinatorIsAskedOrGivenUp) {
  lead(kThere, 4);
  std::vector<TransactionAnswer> answers;
  const auto ask = [&] {
    calls.join(partition(), {.transactional_id = "t"},
               [&](TransactionAnswer answer) { answers.push_back(std::move(answer)); });
  };
  ask();
  const auto asked = take<JoinTransaction>();
  EXPECT_EQ(asked.request.transactional_id, "t");
  calls.on_message(kThere, asked);  // the request is answered now
  const auto answer = take<TransactionJoined>();
  calls.on_message(kThere, answer);
  calls.on_message(kThere, answer);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].coordinator_epoch, 8);
  ask();
  clock.advance_us(1'000'000);
  calls.tick();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1].error, KafkaError::CoordinatorNotAvailable);
}

TEST_F(TransactionCallsTest, TheCoordinatorOfACommitIsAskedOrGivenUp) {
  lead(kThere, 4);
  std::vector<EndedTransaction> answers;
  const auto keep = [&](const EndedTransaction& answer) { answers.push_back(answer); };
  calls.begin_commit(partition(), {.transactional_id = "t"}, keep);
  calls.on_message(kThere, take<BeginCommit>());  // the request is answered now
  calls.on_message(kThere, take<CommitAnswered>());
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(begun, std::vector<std::string>{"t"});
  EXPECT_EQ(answers[0].producer, (coordinator::ProducerIdentity{ProducerId{9}, 4}));
  calls.end_commit(partition(), {.producer = answers[0].producer, .waits_until_told = true}, keep);
  calls.on_message(kThere, take<EndCommit>());
  calls.on_message(kThere, take<CommitAnswered>());
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[1].producer.epoch, 5);
  EXPECT_TRUE(answers[1].is_told);
  calls.end_commit(partition(), {}, keep);
  clock.advance_us(1'000'000);
  calls.tick();
  ASSERT_EQ(answers.size(), 3U);
  EXPECT_EQ(answers[2].error, KafkaError::CoordinatorNotAvailable);
}

}  // namespace
