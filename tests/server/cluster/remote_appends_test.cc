#include "server/cluster/remote_appends.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

#include "records/batch_builder.h"
#include "storage/meta/closed_partition.h"

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

// Records the messages that RemoteAppends sends, and to which node.
class RemoteAppendsTest : public ::testing::Test {
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
  void change(int count, int64_t since) {
    calls.append_unless_changed(partition(), rows(count), Offset{since},
                                [this](Result<AppendedBatch> result, size_t batches_there) {
                                  told.push_back(std::move(result));
                                  there.push_back(batches_there);
                                });
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
  // for each change: the number of batches known to be appended
  std::vector<size_t> there;
  std::optional<storage::Unchanged> unchanged;  // condition of the last append
  Result<storage::Appended> answer = storage::Appended{{}, {{partition(), Offset{4}, Offset{6}}}};
  RemoteAppends calls{
      {.clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .cluster = [this] { return table.snapshot(); },
       .allocate_producer = [this](auto done) { done(ProducerId{next_producer++}); },
       .check_leads = [this](const TopicPartition&) { return leads; },
       .append =
           [this](storage::AppendRequest request, const storage::AppendDone& done) {
             appended.push_back(std::move(request));
             done(answer);
           },
       .append_unless_changed =
           [this](storage::AppendRequest request, storage::Unchanged condition,
                  const storage::AppendDone& done) {
             appended.push_back(std::move(request));
             unchanged = condition;
             done(answer);
           }},
      {}};
};

TEST_F(RemoteAppendsTest, RowsForADroppedTopicAreRefusedSoon) {
  append(1);
  change(1, 5);
  for (int i = 0; i < 18; ++i) pass(50'000);
  EXPECT_TRUE(told.empty());
  for (int i = 0; i < 6; ++i) pass(50'000);
  ASSERT_EQ(told.size(), 2u);
  for (const auto& result : told) EXPECT_EQ(result.error().code, ErrorCode::UnknownTopic);
  EXPECT_TRUE(sent.empty());
  // A new topic with the same name starts with new sequence numbers, because it has another id.
  lead(kThere);
  append(2);
  EXPECT_EQ(header_of(take(kThere)).base_sequence, 0);
}

TEST_F(RemoteAppendsTest, RowsThatWereSentBeforeTheirTopicWasDroppedHaveAnUnknownOutcome) {
  lead(kThere);
  append(1);
  refuse(take(kThere).number, ErrorCode::NotLeader, true);
  append(1);
  ASSERT_TRUE(table.apply(storage::encode_remove_assignments(partition().topic), Revision{90}));
  // one second for the answer to the repeated request, and one for the missing partition
  for (int i = 0; i < 48; ++i) pass(50'000);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].error().code, ErrorCode::NetworkFailure);
  EXPECT_EQ(told[1].error().code, ErrorCode::UnknownTopic) << "these rows were never sent";
}

TEST_F(RemoteAppendsTest, RowsThatOnlyRefusalsAnsweredWereNotWrittenToADroppedTopic) {
  lead(kThere);
  append(1);
  refuse(take(kThere).number, ErrorCode::NotLeader, false);
  ASSERT_TRUE(table.apply(storage::encode_remove_assignments(partition().topic), Revision{90}));
  for (int i = 0; i < 24; ++i) pass(50'000);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].error().code, ErrorCode::UnknownTopic);
}

TEST_F(RemoteAppendsTest, TheLeaderOfAClosedPartitionAnswersTheRequestBeforeTheClose) {
  lead(kThere);
  append(2);
  const AppendRows first = take(kThere);
  ASSERT_TRUE(
      table.apply(storage::encode_require_in_sync(partition().topic, storage::kClosedForAppends, 1),
                  Revision{90}));
  pass(100'000);
  EXPECT_TRUE(sent.empty()) << "the request is not repeated";
  calls.on_message(kThere, RowsAppended{.number = first.number, .last_offsets = {Offset{3}}});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0]);
  append(1);
  refuse(take(kThere).number, ErrorCode::LockTimeout, false);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].error().code, ErrorCode::LockTimeout) << "it is not repeated, either";
}

// A frozen leader cannot report that it is no longer the leader.
TEST_F(RemoteAppendsTest, TheNextLeaderIsSentTheRowsAtOnce) {
  lead(kThere);
  append(2);
  const AppendRows first = take(kThere);
  pass(100'000);
  EXPECT_TRUE(sent.empty());
  lead(kElsewhere);
  pass(50'000);
  EXPECT_EQ(take(kElsewhere).batches, first.batches);
  pass(100'000);
  EXPECT_TRUE(sent.empty());
}

TEST_F(RemoteAppendsTest, ARepeatedRequestIsUnchanged) {
  lead(kThere);
  append(2);
  const AppendRows first = take(kThere);
  EXPECT_EQ(header_of(first).producer_id, ProducerId{70});
  EXPECT_EQ(header_of(first).base_sequence, 0);
  append(3);  // this append waits until the first one is answered
  EXPECT_TRUE(sent.empty());
  pass(1'100'000);  // no answer; another node leads by now
  take(kThere);
  lead(kElsewhere);
  pass(1'100'000);
  const AppendRows again = take(kElsewhere);
  EXPECT_EQ(again.batches, first.batches);
  // An answer of the old leader does not show that the new leader has the rows.
  calls.on_message(kThere, RowsAppended{.number = first.number, .last_offsets = {Offset{3}}});
  EXPECT_TRUE(told.empty());
  calls.on_message(kElsewhere, RowsAppended{.number = again.number, .last_offsets = {Offset{9}}});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(*told[0], (AppendedBatch{partition(), Offset{8}, Offset{9}}));
  EXPECT_EQ(header_of(take(kElsewhere)).base_sequence, 2);
}

TEST_F(RemoteAppendsTest, OneRequestHasBatchesOfSeveralSessions) {
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

TEST_F(RemoteAppendsTest, ARefusalByAllMeansThatNothingWasWritten) {
  lead(kThere);
  append(1);
  for (int i = 0; i < 220 && told.empty(); ++i) {
    if (!sent.empty()) refuse(take(kThere).number, ErrorCode::NotEnoughReplicas, false);
    pass(50'000);
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(told[0].error().detail, "No row was written.");
  // The next append uses another producer.
  append(1);
  EXPECT_EQ(header_of(take(kThere)).producer_id, ProducerId{71});
}

TEST_F(RemoteAppendsTest, WithoutAnAnswerTheOutcomeIsUnknown) {
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

TEST_F(RemoteAppendsTest, AFullDiskDoesNotRevealTheOutcomeOfTheRequestBefore) {
  lead(kThere);
  append(1);
  refuse(take(kThere).number, ErrorCode::DiskFull, true);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::DiskFull) << "it was the only one";
  // The first request gets no answer: the leader may have the rows and wait for the disks of its
  // followers.
  append(1);
  const AppendRows first = take(kThere);
  pass(1'100'000);
  const AppendRows again = take(kThere);
  EXPECT_EQ(again.batches, first.batches);
  refuse(again.number, ErrorCode::DiskFull, true);
  EXPECT_EQ(told.size(), 1U);
  pass(60'000);
  calls.on_message(kThere,
                   RowsAppended{.number = take(kThere).number, .last_offsets = {Offset{7}}});
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[1]) << "there was room again";
  append(1);
  take(kThere);
  pass(1'100'000);
  for (int i = 0; i < 220 && told.size() == 2; ++i) {
    if (!sent.empty()) refuse(take(kThere).number, ErrorCode::DiskFull, true);
    pass(50'000);
  }
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[2].error().code, ErrorCode::NetworkFailure);
  EXPECT_NE(told[2].error().message.find("is not known"), std::string::npos);
}

TEST_F(RemoteAppendsTest, AProducerThatItsLeaderHasForgottenIsReplaced) {
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

TEST_F(RemoteAppendsTest, ALeaderAppendsOrGivesTheReason) {
  calls.on_message(kThere, AppendRows{5, partition(), rows(3)});
  ASSERT_EQ(appended.size(), 1U);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<RowsAppended>(sent[0].second).last_offsets, std::vector{Offset{6}});
  leads = Error{ErrorCode::NotLeader, "no"};
  calls.on_message(kThere, AppendRows{6, partition(), rows(3)});
  EXPECT_EQ(appended.size(), 1U);
  EXPECT_FALSE(std::get<RowsAppended>(sent[1].second).may_be_there);
}

TEST_F(RemoteAppendsTest, ALeaderIgnoresCopiesOfARequest) {
  leads = Error{ErrorCode::LockTimeout, "closed"};
  calls.on_message(kThere, AppendRows{5, partition(), rows(3)});
  leads = {};
  calls.on_message(kThere, AppendRows{5, partition(), rows(3)});
  EXPECT_TRUE(appended.empty());
  calls.on_message(kElsewhere, AppendRows{5, partition(), rows(3)});
  EXPECT_EQ(appended.size(), 1U);
  leads = Error{ErrorCode::LockTimeout, "closed"};
  calls.on_message(kElsewhere, AppendRows{5, partition(), rows(3)});
  EXPECT_EQ(sent.size(), 2U);
}

TEST_F(RemoteAppendsTest, AConditionalRequestIsSentAlone) {
  lead(kThere);
  append(1);
  const AppendRows first = take(kThere);
  EXPECT_FALSE(first.unchanged);
  append(1);
  change(1, 40);
  append(1);
  calls.on_message(kThere, RowsAppended{.number = first.number, .last_offsets = {Offset{0}}});
  const AppendRows second = take(kThere);
  EXPECT_FALSE(second.unchanged);
  calls.on_message(kThere, RowsAppended{.number = second.number, .last_offsets = {Offset{1}}});
  const AppendRows third = take(kThere);
  ASSERT_TRUE(third.unchanged);
  EXPECT_EQ(third.unchanged->since, Offset{40});
  EXPECT_FALSE(third.unchanged->own_from);
  calls.on_message(kThere, RowsAppended{.number = third.number, .last_offsets = {Offset{2}}});
  EXPECT_FALSE(take(kThere).unchanged);
}

TEST_F(RemoteAppendsTest, AnOvertakenRequestLeavesItsNumbersToTheNext) {
  lead(kThere);
  change(2, 40);
  append(1);
  refuse(take(kThere).number, ErrorCode::ObjectState, false);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::ObjectState);
  EXPECT_EQ(there[0], 0U);
  // The next request is sent immediately, with the same producer and the same sequence number.
  const AppendRows next = take(kThere);
  EXPECT_EQ(header_of(next).producer_id, ProducerId{70});
  EXPECT_EQ(header_of(next).base_sequence, 0);
}

TEST_F(RemoteAppendsTest, ARequestThatMayHaveOvertakenItselfHasAnUnknownOutcome) {
  lead(kThere);
  change(1, 40);
  refuse(take(kThere).number, ErrorCode::NotLeader, true);
  pass(60'000);
  refuse(take(kThere).number, ErrorCode::ObjectState, false);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].error().code, ErrorCode::ObjectState);
  EXPECT_NE(told[0].error().message.find("is not known"), std::string::npos);
  change(1, 50);
  EXPECT_EQ(header_of(take(kThere)).producer_id, ProducerId{71});
}

TEST_F(RemoteAppendsTest, ALargeChangeKnowsItsOwnRecordsAndTheNumberOfWrittenOnes) {
  lead(kThere);
  std::string batches;
  for (int i = 0; i < 7; ++i) batches += rows(2);
  calls.append_unless_changed(partition(), batches, Offset{40},
                              [this](Result<AppendedBatch> result, size_t batches_there) {
                                told.push_back(std::move(result));
                                there.push_back(batches_there);
                              });
  const AppendRows first = take(kThere);
  RowsAppended first_five{.number = first.number};
  for (int i = 0; i < 5; ++i) first_five.last_offsets.push_back(Offset{51 + 2 * i});
  calls.on_message(kThere, first_five);
  const AppendRows second = take(kThere);
  ASSERT_TRUE(second.unchanged && second.unchanged->own_from);
  EXPECT_EQ(second.unchanged->since, Offset{40});
  EXPECT_EQ(*second.unchanged->own_from, Offset{50});
  refuse(second.number, ErrorCode::ObjectState, false);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::ObjectState);
  EXPECT_EQ(there[0], 5U);
}

TEST_F(RemoteAppendsTest, ALeaderChecksTheConditionAndKnowsThatNothingWasWritten) {
  AppendRows request{5, partition(), rows(3)};
  request.unchanged = storage::Unchanged{Offset{9}, Offset{12}};
  answer = Error{ErrorCode::ObjectState, "changed"};
  calls.on_message(kThere, request);
  ASSERT_TRUE(unchanged);
  EXPECT_EQ(unchanged->since, Offset{9});
  EXPECT_EQ(unchanged->own_from, Offset{12});
  const auto& refused = std::get<RowsAppended>(sent[0].second);
  EXPECT_FALSE(refused.may_be_there);
  EXPECT_EQ(refused.error->code, ErrorCode::ObjectState);
}

}  // namespace
