#include "server/cluster/append_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

#include "records/batch_builder.h"

using namespace server;
using storage::AppendedBatch;
using storage::TopicPartition;

namespace {

constexpr NodeId kHere{1}, kThere{2}, kElsewhere{3};

TopicPartition partition() {
  TopicPartition id;
  id.topic.bytes = {1};
  return id;
}

std::string rows(int count) {
  records::BatchBuilder builder;
  for (int i = 0; i < count; ++i) builder.append(1'000, "key", "value");
  return builder.finish();
}

// What the sender says, to whom.
class AppendCallsTest : public ::testing::Test {
 protected:
  void lead(NodeId leader) {
    storage::PartitionAssignment assignment{.partition = partition()};
    assignment.replicas = assignment.isr = {kHere, kThere, kElsewhere};
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{version + 1};
    assignment.version = version++;
    ASSERT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{version}));
  }
  void append(int count) {
    calls.append(partition(), rows(count),
                 [this](Result<AppendedBatch> result) { told.push_back(std::move(result)); });
  }
  AppendRows take(NodeId to) {
    EXPECT_FALSE(sent.empty());
    EXPECT_EQ(sent.front().first, to);
    auto message = std::get<AppendRows>(sent.front().second);
    sent.pop_front();
    return message;
  }
  static records::BatchHeader header_of(const AppendRows& request) {
    return records::parse_batch(request.batches, records::BatchCheck::ShapeAndCrc)->header;
  }
  void refuse(uint64_t number, ErrorCode code, bool may_be_there) {
    calls.on_message(kThere, RowsAppended{number, Error{code, "because"}, may_be_there});
  }
  void pass(int64_t us) {
    clock.advance_us(us);
    calls.tick();
  }

  SimulatedClock clock{1'700'000'000'000};
  int32_t version = 0;
  storage::ClusterTable table;
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::vector<Result<AppendedBatch>> told;
  int64_t next_producer = 70;
  Status leads = {};
  std::vector<storage::AppendRequest> appended;
  AppendCalls calls{
      {.clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .allocate_producer = [this](auto done) { done(ProducerId{next_producer++}); },
       .check_leads = [this](const TopicPartition&) { return leads; },
       .append =
           [this](storage::AppendRequest request, const storage::AppendDone& done) {
             appended.push_back(std::move(request));
             done(storage::Appended{{}, {{partition(), Offset{4}, Offset{6}}}});
           }},
      {}};
};

TEST_F(AppendCallsTest, WhatIsSentAgainIsTheSame) {
  lead(kThere);
  append(2);
  const AppendRows first = take(kThere);
  EXPECT_EQ(header_of(first).producer_id, ProducerId{70});
  EXPECT_EQ(header_of(first).base_sequence, 0);
  append(3);  // waits for its turn
  EXPECT_TRUE(sent.empty());
  pass(1'100'000);  // no answer; another node leads by now
  take(kThere);
  lead(kElsewhere);
  pass(1'100'000);
  const AppendRows again = take(kElsewhere);
  EXPECT_EQ(again.batches, first.batches);
  // The answer to what was sent before says nothing of who leads now.
  calls.on_message(kThere, RowsAppended{.number = first.number, .last_offsets = {Offset{3}}});
  EXPECT_TRUE(told.empty());
  calls.on_message(kElsewhere, RowsAppended{.number = again.number, .last_offsets = {Offset{9}}});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(*told[0], (AppendedBatch{partition(), Offset{8}, Offset{9}}));
  EXPECT_EQ(header_of(take(kElsewhere)).base_sequence, 2);
}

TEST_F(AppendCallsTest, OneRequestHasBatchesOfSeveralSessions) {
  lead(kThere);
  append(1);
  const AppendRows first = take(kThere);
  append(2);
  append(3);
  calls.on_message(kThere, RowsAppended{.number = first.number, .last_offsets = {Offset{0}}});
  const AppendRows both = take(kThere);
  EXPECT_EQ(header_of(both).base_sequence, 1);
  calls.on_message(kThere,
                   RowsAppended{.number = both.number, .last_offsets = {Offset{2}, Offset{5}}});
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(*told[1], (AppendedBatch{partition(), Offset{1}, Offset{2}}));
  EXPECT_EQ(*told[2], (AppendedBatch{partition(), Offset{3}, Offset{5}}));
}

TEST_F(AppendCallsTest, WhoWasRefusedByAllKnowsThatNothingIsThere) {
  lead(kThere);
  append(1);
  for (int i = 0; i < 220 && told.empty(); ++i) {
    if (!sent.empty()) refuse(take(kThere).number, ErrorCode::NotEnoughReplicas, false);
    pass(50'000);
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(told[0].error().detail, "No row was written.");
  // And the next begins as another producer.
  append(1);
  EXPECT_EQ(header_of(take(kThere)).producer_id, ProducerId{71});
}

TEST_F(AppendCallsTest, WhoHasNoAnswerDoesNotKnow) {
  lead(kThere);
  append(1);
  refuse(take(kThere).number, ErrorCode::NotLeader, true);
  for (int i = 0; i < 220 && told.empty(); ++i) {
    if (!sent.empty()) refuse(take(kThere).number, ErrorCode::NotEnoughReplicas, false);
    pass(50'000);
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].error().message.find("is not known"), std::string::npos);
}

TEST_F(AppendCallsTest, AProducerThatItsLeaderHasForgottenIsReplaced) {
  lead(kThere);
  append(1);
  calls.on_message(kThere,
                   RowsAppended{.number = take(kThere).number, .last_offsets = {Offset{0}}});
  append(1);
  refuse(take(kThere).number, ErrorCode::OutOfOrderSequence, false);
  pass(60'000);
  const AppendRows anew = take(kThere);
  EXPECT_EQ(header_of(anew).producer_id, ProducerId{71});
  EXPECT_EQ(header_of(anew).base_sequence, 0);
}

TEST_F(AppendCallsTest, ALeaderAppendsOrSaysWhyNot) {
  calls.on_message(kThere, AppendRows{5, partition(), rows(3)});
  ASSERT_EQ(appended.size(), 1U);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<RowsAppended>(sent[0].second).last_offsets, std::vector{Offset{6}});
  leads = Error{ErrorCode::NotLeader, "no"};
  calls.on_message(kThere, AppendRows{6, partition(), rows(3)});
  EXPECT_EQ(appended.size(), 1U);
  EXPECT_FALSE(std::get<RowsAppended>(sent[1].second).may_be_there);
}

}  // namespace
