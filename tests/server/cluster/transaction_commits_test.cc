#include "server/cluster/transaction_commits.h"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

#include "records/batch_builder.h"
#include "server/coordinator/transaction_errors.h"

using namespace server;
using coordinator::ProducerIdentity;
using storage::AppendedBatch;
using storage::TopicPartition;

namespace {

constexpr NodeId kHere{1}, kThere{2};
constexpr ProducerIdentity kProducer{ProducerId{70}, 4}, kNext{ProducerId{70}, 5};

TopicPartition at(uint8_t topic, int32_t number) {
  TopicPartition id;
  id.topic.bytes = {topic};
  id.partition = PartitionId{number};
  return id;
}
const TopicPartition kCoordinator = at(9, 3);

std::string rows(int count) {
  records::BatchBuilder builder;
  for (int i = 0; i < count; ++i) builder.append(1'000, "key", "value");
  return builder.finish();
}

// A node that commits a transaction. The test plays the other nodes, on which the leaders and the
// coordinator are.
class TransactionCommitsTest : public ::testing::Test, protected TransactionHost {
 protected:
  TransactionCommitsTest() {
    lead(kCoordinator, kThere);
    for (const int32_t number : {0, 1}) lead(at(1, number), kThere);
  }
  void lead(const TopicPartition& partition, NodeId leader) {
    storage::PartitionAssignment assignment{.partition = partition};
    assignment.replicas = assignment.isr = {kHere, kThere};
    assignment.leader = leader;
    assignment.leader_epoch = LeaderEpoch{version};
    assignment.version = version;
    if (const auto* known = table.snapshot()->find(partition))
      assignment.version = known->version + 1;
    else
      assignment.version = 0;
    ASSERT_TRUE(table.apply(storage::encode_assign_partition(assignment), Revision{++version}));
  }
  // The interface TransactionHost.
  void join(coordinator::AddPartitions,
            coordinator::Done<coordinator::TransactionAnswer>) override {}
  void begin_commit(coordinator::InitProducer,
                    coordinator::Done<coordinator::InitializedProducer>) override {}
  void end_commit(coordinator::EndTransaction,
                  coordinator::Done<coordinator::EndedTransaction>) override {}
  void end(const TopicPartition&, LeaderEpoch, const coordinator::TransactionEnded&,
           std::function<void(Status)>) override {}
  void place_commit(std::string ids, coordinator::Done<CommitPlace> done) override {
    done({KafkaError::None, ids + "0", kCoordinator, is_here});
  }

  void commit(std::optional<Offset> since = std::nullopt) {
    calls.commit({{"a", at(1, 0), rows(2), since}, {"a", at(1, 1), rows(3)}},
                 [this](auto result) { told.push_back(std::move(result)); });
  }
  template <class Message>
  Message take() {
    EXPECT_FALSE(sent.empty());
    EXPECT_TRUE(std::holds_alternative<Message>(sent.front())) << sent.front().index();
    Message message = std::get<Message>(sent.front());
    sent.pop_front();
    return message;
  }
  void pass(int64_t us) {
    clock.advance_us(us);
    appends.tick();
    transactions.tick();
    calls.tick();
  }
  void begin(const ProducerIdentity& producer = kProducer) {
    transactions.on_message(
        kThere, CommitAnswered{take<BeginCommit>().number, {KafkaError::None, producer}});
  }
  void add(KafkaError error = KafkaError::None) {
    transactions.on_message(kThere, TransactionJoined{take<JoinTransaction>().number, {error}});
  }
  // Returns the requests to append both parts.
  std::vector<AppendRows> send() {
    std::vector<AppendRows> all{take<AppendRows>(), take<AppendRows>()};
    return all;
  }
  void appended(const AppendRows& request, int64_t last) {
    appends.on_message(kThere,
                       RowsAppended{.number = request.number, .last_offsets = {Offset{last}}});
  }
  void ended(const EndCommit& request, KafkaError error = KafkaError::None) {
    transactions.on_message(kThere, CommitAnswered{request.number, {error, kNext, true}});
  }

  SimulatedClock clock{1'700'000'000'000};
  int32_t version = 0;
  bool is_here = false;
  storage::ClusterTable table;
  std::deque<ClusterMessage> sent;
  std::vector<Result<std::vector<AppendedBatch>>> told;
  const std::function<void(NodeId, ClusterMessage)> keep = [this](NodeId, ClusterMessage message) {
    sent.push_back(std::move(message));
  };
  const std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster = [this] {
    return table.snapshot();
  };
  RemoteAppends appends{{.clock = clock,
                         .send = keep,
                         .cluster = cluster,
                         .allocate_producer = [](const auto&) { FAIL(); },
                         .check_leads = [](const TopicPartition&) { return Status(); },
                         .append = [](storage::AppendRequest, const storage::AppendDone&) {}},
                        {}};
  LeaderEndRequests ends{{.self = kHere,
                          .clock = clock,
                          .send = keep,
                          .cluster = cluster,
                          .epoch = [] { return storage::NodeEpoch{5}; },
                          .leads = [](const TopicPartition&) -> Result<LeaderEnds> {
                            return Error{ErrorCode::NotLeader, "another node"};
                          },
                          .confirm_read = [](const auto&) { FAIL(); }},
                         {}};
  TransactionCalls transactions{{.self = kHere,
                                 .clock = clock,
                                 .send = keep,
                                 .cluster = cluster,
                                 .epoch = [] { return storage::NodeEpoch{5}; },
                                 .check_leads = [](const TopicPartition&) { return Status(); },
                                 .host = *this},
                                {}};
  TransactionCommits calls{{.self = kHere,
                            .clock = clock,
                            .cluster = cluster,
                            .appends = appends,
                            .ends = ends,
                            .transactions = transactions,
                            .host = *this},
                           {}};
};

TEST_F(TransactionCommitsTest, RowsAreSentWhenTheCoordinatorKnowsWhereTo) {
  commit();
  begin();
  const auto added = take<JoinTransaction>();
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(added.request.partitions, (coordinator::PartitionsByTopic{{"a", {0, 1}}}));
  EXPECT_EQ(added.request.producer, kProducer);
  transactions.on_message(kThere, TransactionJoined{added.number, {}});
  const auto parts = send();
  const auto header =
      records::parse_batch(parts[1].batches, records::BatchCheck::ShapeAndCrc)->header;
  EXPECT_TRUE(header.is_transactional());
  EXPECT_EQ(header.producer_id, kProducer.id);
  EXPECT_EQ(header.producer_epoch, kProducer.epoch);
  EXPECT_EQ(header.base_sequence, 0);
  appended(parts[0], 11);
  EXPECT_TRUE(sent.empty());  // nothing is sent yet, because the other part may be refused
  appended(parts[1], 22);
  const auto end = take<EndCommit>();
  EXPECT_TRUE(end.request.is_commit);
  EXPECT_TRUE(told.empty());
  ended(end);
  ASSERT_EQ(told.size(), 1U);
  ASSERT_TRUE(told[0]);
  EXPECT_EQ(told[0]->at(0).last_offset, Offset{11});
  EXPECT_EQ(told[0]->at(1).base_offset, Offset{20});
}

TEST_F(TransactionCommitsTest, TheNextOneGoesOnWithTheNewEpoch) {
  commit();
  begin();
  add();
  for (const AppendRows& part : send()) appended(part, 9);
  ended(take<EndCommit>());
  commit();
  EXPECT_EQ(take<JoinTransaction>().request.producer, kNext);
  // Another transaction is committed at the same time with another producer.
  commit();
  const auto other = take<BeginCommit>();
  EXPECT_NE(other.request.transactional_id, "__millrace_commit_1_0_0");
}

// If the coordinator is on another node, it survives the death of this node, and readers then wait
// for the time-out of the transaction. So the time-out must be short.
TEST_F(TransactionCommitsTest, AfterAMoveOfTheCoordinatorTheTimeIsShort) {
  is_here = true;
  lead(kCoordinator, kHere);
  commit();
  const auto here = take<BeginCommit>();
  transactions.on_message(kHere, CommitAnswered{here.number, {KafkaError::None, kProducer}});
  add();
  for (const AppendRows& part : send()) appended(part, 9);
  ended(take<EndCommit>());
  is_here = false;
  lead(kCoordinator, kThere);
  commit();
  EXPECT_LT(take<BeginCommit>().request.timeout_ms, here.request.timeout_ms / 10);
}

// A node that was frozen may not have noticed yet that another node is now the coordinator.
TEST_F(TransactionCommitsTest, AnotherCoordinatorIsNotAskedForTheLongTimeOfOnesOwn) {
  is_here = true;  // the node believes that it is the coordinator
  commit();
  pass(100'000);
  EXPECT_TRUE(sent.empty());
  is_here = false;
  pass(100'000);
  EXPECT_LT(take<BeginCommit>().request.timeout_ms, 10'000);
}

TEST_F(TransactionCommitsTest, IfOnePartIsRefusedNothingIsWritten) {
  commit(Offset{7});
  begin();
  add();
  const auto parts = send();
  EXPECT_EQ(parts[0].unchanged->since, Offset{7});
  EXPECT_FALSE(parts[1].unchanged);
  appends.on_message(
      kThere, RowsAppended{parts[0].number, Error{ErrorCode::ObjectState, "changed"}, false});
  appended(parts[1], 9);
  // The node asks the coordinator for an abort until it gets an answer.
  const auto end = take<EndCommit>();
  EXPECT_FALSE(end.request.is_commit);
  EXPECT_TRUE(
      // otherwise the abort could arrive after the next transaction has begun
      end.request.waits_until_told);
  ended(end, coordinator::kNotCoordinator);
  EXPECT_TRUE(told.empty());
  pass(30'000);
  const auto again = take<EndCommit>();
  EXPECT_FALSE(again.request.is_commit);
  ended(again);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::ObjectState);
  EXPECT_EQ(told[0].error().detail, "Nothing of the transaction was written.");
}

// The situation: this node was frozen. Meanwhile the coordinator has aborted the transaction after
// its time-out, and has fenced the producer in one partition.
TEST_F(TransactionCommitsTest, AnAbortedTransactionIsReported) {
  commit();
  begin();
  add();
  const auto parts = send();
  appends.on_message(kThere,
                     RowsAppended{parts[0].number, Error{ErrorCode::FencedTask, "fenced"}, false});
  appended(parts[1], 9);
  ended(take<EndCommit>(), KafkaError::InvalidProducerEpoch);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::FencedTask);
  EXPECT_TRUE(told[0].error().message.starts_with("the transaction was aborted"));
  EXPECT_EQ(told[0].error().detail, "Nothing of the transaction was written.");
}

TEST_F(TransactionCommitsTest, TheNextCoordinatorKnowsTheOutcome) {
  for (const bool was_committed : {true, false}) {
    told.clear();
    commit();
    if (std::holds_alternative<BeginCommit>(sent.front())) begin();
    add();
    for (const AppendRows& part : send()) appended(part, 9);
    ended(take<EndCommit>(), coordinator::kNotCoordinator);
    EXPECT_TRUE(told.empty());
    pass(30'000);
    ended(take<EndCommit>(), was_committed ? KafkaError::None : coordinator::kInvalidTxnState);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].has_value(), was_committed);
    if (!was_committed) {
      // SQLSTATE 40001: the client must begin again
      EXPECT_EQ(told[0].error().code, ErrorCode::FencedTask);
    }
  }
}

TEST_F(TransactionCommitsTest, WithoutAnAnswerTheOutcomeIsUnknown) {
  commit();
  begin();
  add();
  for (const AppendRows& part : send()) appended(part, 9);
  for (int i = 0; i < 200 && told.empty(); ++i) pass(100'000);
  ASSERT_EQ(told.size(), 1U);
  // SQLSTATE 08006, as for an append of rows
  EXPECT_EQ(told[0].error().code, ErrorCode::NetworkFailure);
  EXPECT_EQ(told[0].error().detail, "Either all of its rows were written, or none.");
}

TEST_F(TransactionCommitsTest, WithoutACoordinatorNothingIsWritten) {
  commit();
  for (int i = 0; i < 200 && told.empty(); ++i) pass(100'000);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].error().code, ErrorCode::NotLeader);
  EXPECT_EQ(told[0].error().detail, "Nothing of the transaction was written.");
  for (const ClusterMessage& message : sent)
    EXPECT_TRUE(std::holds_alternative<BeginCommit>(message));
}

// After a change of its coordinator, a producer is initialized again before its next commit, because the new
// coordinator may have shortened the time-out of its transactions.
TEST_F(TransactionCommitsTest, AProducerStartsOverAfterAChangeOfItsCoordinator) {
  is_here = true;
  const auto commit_all = [this](const ProducerIdentity& producer, bool begins) {
    commit();
    if (begins) begin(producer);
    add();
    const std::vector<AppendRows> parts = send();
    appended(parts[0], 11);
    appended(parts[1], 22);
    ended(take<EndCommit>());
    EXPECT_EQ(told.size(), 1U);
    told.clear();
  };
  lead(kCoordinator, kHere);
  commit_all(kProducer, true);
  lead(kCoordinator, kHere);
  commit_all(kNext, true);
  is_here = false;
  lead(kCoordinator, kThere);
  commit_all(kNext, true);
  commit_all(kNext, false);
  lead(kCoordinator, kThere);
  commit_all(kNext, true);
}

}  // namespace
