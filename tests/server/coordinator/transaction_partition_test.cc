// Tests the answers of transaction coordinators, and that a decision about a transaction never
// changes.
#include <gtest/gtest.h>

#include <optional>

#include "server/coordinator/transaction_partition.h"
#include "tests/server/coordinator/memory_port.h"

namespace server::coordinator {
namespace {

const PartitionId kHome{0};
using records::TransactionEnd;

class TransactionPartitionTest : public testing::Test {
 protected:
  TransactionPartitionTest() { lead(); }

  // Leads the partition with an empty memory, as after a restart.
  void lead() {
    partition.reset();
    partition.emplace(kHome, port, around);
    partition->lead(port.epoch);
    settle();
  }
  void settle() {
    port.refuses_elsewhere = !is_reachable;
    do {
      port.settle();
      for (const auto& each : std::exchange(port.elsewhere, {})) told.push_back(marker_of(each));
      for (const auto& task : std::exchange(later, {})) task();
      if (deadlines.next_us() && *deadlines.next_us() <= clock.monotonic_us())
        deadlines.run_due(clock.monotonic_us(), [] { return false; });
      else if (port.is_idle() && later.empty())
        return;
    } while (true);
  }
  void pass_ms(int64_t ms) {
    for (; ms > 0; ms -= 50) {
      clock.advance_us(std::min<int64_t>(ms, 50) * 1000);
      settle();
    }
  }

  template <class Request>
  std::shared_ptr<std::optional<typename Request::Answer>> begin(Request request) {
    auto answer = std::make_shared<std::optional<typename Request::Answer>>();
    partition->handle(std::move(request), [answer](typename Request::Answer given) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(given);
    });
    settle();
    return answer;
  }
  template <class Request>
  typename Request::Answer ask(Request request) {
    const auto answer = begin(std::move(request));
    EXPECT_TRUE(answer->has_value()) << "not answered";
    return answer->value_or(typename Request::Answer{});
  }
  static InitProducer init_request(std::optional<ProducerIdentity> expected = {}) {
    return {.transactional_id = "t", .timeout_ms = 10'000, .expected = expected};
  }
  InitializedProducer init(std::optional<ProducerIdentity> expected = {}) {
    return ask(init_request(expected));
  }
  static AddPartitions add_request(const ProducerIdentity& producer, int32_t number = 0) {
    return {.transactional_id = "t", .producer = producer, .partitions = {{"data", {number}}}};
  }
  KafkaError add(const ProducerIdentity& producer, int32_t number = 0) {
    return ask(add_request(producer, number)).error;
  }
  KafkaError add_second(const ProducerIdentity& producer) {
    AddPartitions request = add_request(producer);
    request.is_of_second_version = true;
    return ask(std::move(request)).error;
  }
  // Returns the request with which a node opens a transaction to commit rows.
  AddPartitions commit_of_node(const std::string& id, int32_t timeout_ms) {
    AddPartitions request =
        add_request(ask(InitProducer{.transactional_id = id, .timeout_ms = timeout_ms}).producer);
    request.transactional_id = id;
    request.is_of_second_version = true;
    return request;
  }
  KafkaError end(const ProducerIdentity& producer, bool is_commit) {
    return ask(EndTransaction{"t", producer, is_commit}).error;
  }
  // Ends the transaction as a client of the second version of the protocol.
  EndedTransaction end_second(const ProducerIdentity& producer, bool is_commit) {
    return ask(EndTransaction{"t", producer, is_commit, true});
  }
  TransactionValue value() { return ask(DescribeTransaction{"t"}).value; }

  struct Told {
    std::string topic;
    int32_t partition;
    ProducerIdentity producer;
    TransactionEnd end;
    bool operator==(const Told&) const = default;
  };
  static Told marker_of(const CoordinatorPort::Elsewhere& stored) {
    const auto batch = records::parse_batch(stored.batch, records::BatchCheck::ShapeAndCrc).value();
    return {stored.topic,
            stored.partition,
            {batch.header.producer_id, batch.header.producer_epoch},
            records::parse_marker(batch).value().end};
  }

  SimulatedClock clock{1'700'000'000'000};
  MemoryPort port{clock};
  TransactionSettings settings{};
  Deadlines deadlines;
  StateSize size;
  int64_t next_producer = 100;
  std::vector<std::function<void()>> later;
  std::vector<Told> told, told_what_is_stored;
  bool is_reachable = true;
  ErrorCode refusal = ErrorCode::NotLeader;  // the error while no partition is reachable
  TransactionSurroundings around{
      settings, deadlines, size,
      [this](auto done) { later.push_back([this, done] { done(ProducerId{next_producer++}); }); },
      [this](const std::string& topic, int32_t number, const TransactionEnded& ended, Marker marker,
             auto done) {
        auto& whom = marker == Marker::Stored ? told_what_is_stored : told;
        if (is_reachable) whom.push_back({topic, number, ended.producer, ended.marker.end});
        later.push_back([this, done] {
          done(is_reachable ? Status{} : Status{Error{refusal, "moved"}});
        });
      }};
  std::optional<TransactionPartition> partition;
};

TEST_F(TransactionPartitionTest, EachNewProducerOfAnIdHasANewEpoch) {
  const InitializedProducer first = init(), second = init();
  EXPECT_EQ(first.producer, (ProducerIdentity{ProducerId{100}, 0}));
  EXPECT_EQ(second.producer, (ProducerIdentity{ProducerId{100}, 1}));
  lead();
  EXPECT_EQ(init().producer, (ProducerIdentity{ProducerId{100}, 2}));
  EXPECT_EQ(add(first.producer), kProducerFenced);
}

// The commit of the successor returns a new epoch, which the fenced producer must not receive.
TEST_F(TransactionPartitionTest, AFencedProducerDoesNotTakeTheEndOfItsSuccessorForItsOwn) {
  const ProducerIdentity fenced = init().producer, successor = init().producer;
  EXPECT_EQ(add(successor), KafkaError::None);
  EXPECT_EQ(end(successor, true), KafkaError::None);
  EXPECT_EQ(end_second(fenced, true).error, kProducerFenced);
}

TEST_F(TransactionPartitionTest, WithSeveralNodesTheEndIsDecidedBeforeTheClientIsAnswered) {
  around.rules.ends_at_once = false;
  is_reachable = false;
  const ProducerIdentity producer = init().producer;
  EXPECT_EQ(add(producer, 3), KafkaError::None);
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  EXPECT_TRUE(port.elsewhere.empty());
}

TEST_F(TransactionPartitionTest, AllPartitionsHearHowItEnded) {
  const ProducerIdentity producer = init().producer;
  EXPECT_EQ(add(producer, 3), KafkaError::None);
  EXPECT_EQ(add(producer, 1), KafkaError::None);
  EXPECT_EQ(add(producer, 3), KafkaError::None);
  EXPECT_EQ(value().state, TransactionState::Ongoing);
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 1, producer, TransactionEnd::Commit},
                                     {"data", 3, producer, TransactionEnd::Commit}}));
  EXPECT_EQ(value().state, TransactionState::CompleteCommit);
  EXPECT_TRUE(value().partitions.empty());
  // The request is sent again, because the answer was lost.
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(end(producer, false), kInvalidTxnState);
  EXPECT_EQ(told.size(), 2);
}

TEST_F(TransactionPartitionTest, ADecisionHoldsUnderTheNextCoordinator) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  is_reachable = false;
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  lead();
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  const auto other = begin(EndTransaction{"t", producer, false});
  EXPECT_FALSE(other->has_value()) << "before all have been told";
  is_reachable = true;
  pass_ms(200);
  ASSERT_TRUE(other->has_value());
  EXPECT_EQ((*other)->error, kInvalidTxnState);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, producer, TransactionEnd::Commit}}));
  EXPECT_EQ(value().state, TransactionState::CompleteCommit);
}

// A case found by simulation: the next coordinator had decided to end the transaction. Its record
// and its markers were lost together with their leader. A record of the old coordinator, which
// stated that the transaction was over, was not lost. So the transaction stayed open in the
// partitions.
TEST_F(TransactionPartitionTest, AReplacedCoordinatorDoesNotTakeTheTransactionForOver) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  is_reachable = false;
  refusal = ErrorCode::FencedTask;
  EXPECT_EQ(end(producer, true), KafkaError::None);
  pass_ms(500);
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  lead();
  is_reachable = true;
  pass_ms(200);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, producer, TransactionEnd::Commit}}));
  EXPECT_EQ(value().state, TransactionState::CompleteCommit);
}

TEST_F(TransactionPartitionTest, TheNextTransactionWaitsForTheEndOfTheLast) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  is_reachable = false;
  end(producer, true);
  const auto next = begin(add_request(producer, 5));
  EXPECT_FALSE(next->has_value());
  is_reachable = true;
  pass_ms(200);
  ASSERT_TRUE(next->has_value());
  EXPECT_EQ((*next)->error, KafkaError::None);
  EXPECT_EQ(value().partitions, (PartitionsByTopic{{"data", {5}}}));
}

TEST_F(TransactionPartitionTest, AProducerThatTakesOverAbortsTheOpenTransaction) {
  const ProducerIdentity first = init().producer;
  add(first);
  const ProducerIdentity second = init().producer;
  // The abort raises the epoch, so that all later batches of the first producer are refused.
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, {first.id, 1}, TransactionEnd::Abort}}));
  EXPECT_EQ(second, (ProducerIdentity{first.id, 2}));
  EXPECT_EQ(add(first), kProducerFenced);
  EXPECT_EQ(end(first, true), kProducerFenced);
  EXPECT_EQ(add(second), KafkaError::None);
}

TEST_F(TransactionPartitionTest, AnOpenTransactionIsAbortedWhenItsTimeIsOver) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  pass_ms(9'000);
  EXPECT_TRUE(told.empty());
  lead();  // restarts; the time-out of the transaction continues
  pass_ms(1'200);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, {producer.id, 1}, TransactionEnd::Abort}}));
  EXPECT_EQ(end(producer, true), kProducerFenced);
  // KIP-360 lets a producer continue after an error if it knows its epoch. This producer does not know the epoch
  // that fenced it, so it cannot continue.
  EXPECT_EQ(init(producer).error, kProducerFenced);
}

TEST_F(TransactionPartitionTest, AProducerThatGoesOnAfterAnErrorNamesItself) {
  const ProducerIdentity first = init().producer;
  const InitializedProducer again = init(first);
  EXPECT_EQ(again.producer, (ProducerIdentity{first.id, 1}));
  // The answer was lost, so the same answer is sent once more.
  EXPECT_EQ(init(first).producer, again.producer);
  EXPECT_EQ(init(ProducerIdentity{first.id, 7}).error, kProducerFenced);
  EXPECT_EQ(init(ProducerIdentity{ProducerId{7}, 0}).error, kProducerFenced);
}

TEST_F(TransactionPartitionTest, AnIdWhoseEpochsAreUsedUpGetsAnotherProducer) {
  ProducerIdentity producer = init().producer;
  for (int i = 0; i < 32'766; ++i) producer = init().producer;
  EXPECT_EQ(producer, (ProducerIdentity{ProducerId{100}, 32'766}));
  const ProducerIdentity next = init(producer).producer;
  EXPECT_EQ(next, (ProducerIdentity{ProducerId{101}, 0}));
  lead();
  EXPECT_EQ(value().previous_producer_id, ProducerId{100});
}

TEST_F(TransactionPartitionTest, ATransactionThatWasNotBegunCannotEnd) {
  const ProducerIdentity producer = init().producer;
  EXPECT_EQ(end(producer, true), kInvalidTxnState);
  EXPECT_EQ(ask(EndTransaction{"other", producer, true}).error, kInvalidProducerIdMapping);
  EXPECT_EQ(add({ProducerId{7}, 0}), kInvalidProducerIdMapping);
  EXPECT_EQ(ask(DescribeTransaction{"other"}).error, kTransactionalIdNotFound);
}

TEST_F(TransactionPartitionTest, OnlyAddedPartitionsAreMembers) {
  const ProducerIdentity producer = init().producer;
  add(producer, 1);
  AddPartitions verify = add_request(producer, 1);
  verify.verify_only = true;
  EXPECT_EQ(ask(verify).error, KafkaError::None);
  verify.partitions["data"].push_back(2);
  const TransactionAnswer answer = ask(verify);
  EXPECT_EQ(answer.error, kInvalidTxnState);
  EXPECT_EQ(answer.missing, (PartitionsByTopic{{"data", {2}}}));
}

// --- Ends of transactions that are stored in one commit

TEST_F(TransactionPartitionTest, AnEndIsOneCommit) {
  const ProducerIdentity producer = init().producer;
  add(producer, 1);
  add(producer, 2);
  port.appends = 0;
  ASSERT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(port.appends, 1);
  EXPECT_EQ(told.size(), 2);
  EXPECT_TRUE(told_what_is_stored.empty());
  lead();
  EXPECT_EQ(value().state, TransactionState::CompleteCommit);
}

TEST_F(TransactionPartitionTest, GroupsHearOfMarkersThatAreStored) {
  const ProducerIdentity producer = init().producer;
  ASSERT_EQ(ask(AddPartitions{.transactional_id = "t",
                              .producer = producer,
                              .partitions = {{"__consumer_offsets", {7}}, {"data", {0}}}})
                .error,
            KafkaError::None);
  ASSERT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(told.size(), 2);
  EXPECT_EQ(told_what_is_stored,
            (std::vector<Told>{{"__consumer_offsets", 7, producer, TransactionEnd::Commit}}));
}

TEST_F(TransactionPartitionTest, ManyPartitionsGetTheirMarkersInPortions) {
  const ProducerIdentity producer = init().producer;
  AddPartitions many = add_request(producer);
  for (int32_t number = 1; number < 300; ++number) many.partitions["data"].push_back(number);
  ASSERT_EQ(ask(many).error, KafkaError::None);
  port.appends = 0;
  ASSERT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(port.appends, 2);  // the states "prepared" and "complete"; markers are in other logs
  EXPECT_EQ(told.size(), 300);
}

// While this coordinator was frozen, another coordinator may have begun a later transaction with the same epoch.
// The request may ask to end that transaction. So this coordinator must not answer that the earlier transaction has
// ended (found by the simulation, seed 863).
TEST_F(TransactionPartitionTest, AFinishedEndIsConfirmedByACoordinatorThatCanStillWrite) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  end(producer, true);
  port.holds_appends = true;
  const auto again = begin(EndTransaction{"t", producer, true});
  EXPECT_FALSE(again->has_value());
  port.fail_append({ErrorCode::NotLeader, "another node leads it"});
  settle();
  ASSERT_TRUE(again->has_value());
  EXPECT_EQ((*again)->error, kNotCoordinator);
  port.holds_appends = false;
  lead();
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(told.size(), 1);
}

TEST_F(TransactionPartitionTest, AnEndThatCannotBeStoredMayBeTriedAgain) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  port.holds_appends = true;
  const auto ending = begin(EndTransaction{"t", producer, true});
  for (int i = 0; i < 2; ++i) {
    port.fail_append({ErrorCode::DiskFull, "full"});
    settle();
  }
  EXPECT_EQ((*ending)->error, KafkaError::CoordinatorNotAvailable);
  port.holds_appends = false;
  EXPECT_EQ(value().state, TransactionState::Ongoing);
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(told.size(), 1);
}

// --- The second version of the protocol (KIP-890)

TEST_F(TransactionPartitionTest, EachEndGivesANewEpoch) {
  const ProducerIdentity first = init().producer;
  add(first);
  const EndedTransaction ended = end_second(first, true);
  EXPECT_EQ(ended.error, KafkaError::None);
  EXPECT_EQ(ended.producer, (ProducerIdentity{first.id, 1}));
  // The marker fences batches that are still sent under the previous epoch.
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, ended.producer, TransactionEnd::Commit}}));
  EXPECT_EQ(add(first), kProducerFenced);
  EXPECT_EQ(add(ended.producer), KafkaError::None);
  lead();
  const EndedTransaction aborted = end_second(ended.producer, false);
  EXPECT_EQ(aborted.producer, (ProducerIdentity{first.id, 2}));
  EXPECT_EQ(value().state, TransactionState::CompleteAbort);
  EXPECT_EQ(value().client_version, 2);
}

TEST_F(TransactionPartitionTest, ALostAnswerIsGivenAgain) {
  const ProducerIdentity first = init().producer;
  add(first);
  const ProducerIdentity next = end_second(first, true).producer;
  EXPECT_EQ(end_second(first, true).producer, next);
  EXPECT_EQ(end_second(first, false).error, kInvalidTxnState);
  EXPECT_EQ(init(first).producer, next);  // a producer can also continue with InitProducerId
  EXPECT_EQ(told.size(), 1);
  add(next);
  EXPECT_EQ(end_second(first, true).error, kProducerFenced);
}

TEST_F(TransactionPartitionTest, ARetryWaitsUntilAllMarkersAreWritten) {
  const ProducerIdentity first = init().producer;
  add(first);
  is_reachable = false;
  const auto answer = begin(EndTransaction{"t", first, true, true});
  ASSERT_TRUE(answer->has_value());
  const auto retry = begin(EndTransaction{"t", first, true, true});
  EXPECT_FALSE(retry->has_value());
  is_reachable = true;
  pass_ms(200);
  ASSERT_TRUE(retry->has_value());
  EXPECT_EQ((*retry)->error, KafkaError::None);
  EXPECT_EQ((*retry)->producer, (*answer)->producer);
}

TEST_F(TransactionPartitionTest, AnEndMayBeAnsweredWhenAllMarkersAreWritten) {
  around.rules.ends_at_once = false;
  is_reachable = false;
  const ProducerIdentity first = init().producer;
  ASSERT_EQ(add_second(first), KafkaError::None);
  const auto answer = begin(EndTransaction{"t", first, true, true, true});
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  EXPECT_FALSE(answer->has_value());
  is_reachable = true;
  pass_ms(200);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->producer, (ProducerIdentity{first.id, 1}));
  EXPECT_TRUE((*answer)->is_told);
  // repeated, because the answer was lost
  EXPECT_TRUE(ask(EndTransaction{"t", first, true, true, true}).is_told);
}

TEST_F(TransactionPartitionTest, AReplacedCoordinatorAnswersThatItIsDecidedAndNotWritten) {
  around.rules.ends_at_once = false;
  is_reachable = false;
  const ProducerIdentity first = init().producer;
  ASSERT_EQ(add_second(first), KafkaError::None);
  const auto answer = begin(EndTransaction{"t", first, true, true, true});
  partition->resign();
  settle();
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error, KafkaError::None);
  EXPECT_FALSE((*answer)->is_told);
}

// The node may have died together with the coordinator, and readers wait at the open transaction, so it must end soon.
TEST_F(TransactionPartitionTest, ACommitOfANodeGetsLittleTimeFromTheNextCoordinator) {
  const std::string id = "__millrace_commit_1_0_0";
  const auto state = [&] { return ask(DescribeTransaction{id}).value.state; };
  const AddPartitions request = commit_of_node(id, 10'000);
  ASSERT_EQ(ask(request).error, KafkaError::None);
  pass_ms(3'000);
  EXPECT_EQ(state(), TransactionState::Ongoing);
  lead();
  pass_ms(500);
  EXPECT_EQ(state(), TransactionState::Ongoing);  // the node may be alive, and continue
  pass_ms(1'000);
  EXPECT_EQ(state(), TransactionState::CompleteAbort);
}

// The transaction of a node normally has a long time-out because the coordinator is on the same
// node. This may no longer hold when the transaction begins.
TEST_F(TransactionPartitionTest, ATransactionThatANodeOpensAtTheNextCoordinatorGetsLittleTimeToo) {
  const std::string id = "__millrace_commit_1_0_0";
  const auto state = [&] { return ask(DescribeTransaction{id}).value.state; };
  const AddPartitions request = commit_of_node(id, 60'000);
  lead();
  ASSERT_EQ(ask(request).error, KafkaError::None);
  pass_ms(1'500);
  EXPECT_EQ(state(), TransactionState::Ongoing);
  pass_ms(1'000);
  EXPECT_EQ(state(), TransactionState::CompleteAbort);
}

// The coordinator's disk is full when the time-out ends. The time-out of a minute must not begin again.
TEST_F(TransactionPartitionTest, AnEndWhoseTimeIsOverIsTriedAgainSoon) {
  const std::string id = "__millrace_commit_1_0_0";
  const auto state = [&] { return ask(DescribeTransaction{id}).value.state; };
  const AddPartitions request = commit_of_node(id, 60'000);
  ASSERT_EQ(ask(request).error, KafkaError::None);
  lead();
  port.holds_appends = true;
  pass_ms(1'500);
  for (int i = 0; i < 2; ++i) {
    port.fail_append({ErrorCode::DiskFull, "full"});
    settle();
  }
  port.holds_appends = false;
  EXPECT_EQ(state(), TransactionState::Ongoing);
  pass_ms(1'500);
  EXPECT_EQ(state(), TransactionState::CompleteAbort);
}

TEST_F(TransactionPartitionTest, ACommitThatCannotBeStoredGetsNoAdditionalTime) {
  const std::string id = "__millrace_commit_1_0_0";
  const AddPartitions request = commit_of_node(id, 60'000);
  ASSERT_EQ(ask(request).error, KafkaError::None);
  lead();
  port.holds_appends = true;
  begin(EndTransaction{.transactional_id = id,
                       .producer = request.producer,
                       .is_commit = true,
                       .is_of_second_version = true});
  for (int i = 0; i < 2; ++i) {
    port.fail_append({ErrorCode::DiskFull, "full"});
    settle();
  }
  port.holds_appends = false;
  EXPECT_EQ(ask(DescribeTransaction{id}).value.state, TransactionState::Ongoing);
  pass_ms(1'500);
  EXPECT_EQ(ask(DescribeTransaction{id}).value.state, TransactionState::CompleteAbort);
}

TEST_F(TransactionPartitionTest, ATransactionThatWasNeverBegunMayBeAborted) {
  const ProducerIdentity first = init().producer;
  EXPECT_EQ(end_second(first, true).error, kInvalidTxnState);
  const ProducerIdentity second = end_second(first, false).producer;
  EXPECT_EQ(second, (ProducerIdentity{first.id, 1}));
  const ProducerIdentity third = end_second(second, false).producer;
  EXPECT_EQ(third, (ProducerIdentity{first.id, 2}));
  EXPECT_EQ(end_second(third, true).error, kInvalidTxnState);
  EXPECT_TRUE(told.empty());
}

TEST_F(TransactionPartitionTest, TheLastEpochIsFollowedByAnotherProducer) {
  ProducerIdentity producer = init().producer;
  for (int i = 0; i < 32'766; ++i) producer = init().producer;
  add(producer);
  is_reachable = false;
  const ProducerIdentity next = end_second(producer, true).producer;
  EXPECT_EQ(next, (ProducerIdentity{ProducerId{101}, 0}));
  lead();  // restarts before all partitions have the marker
  is_reachable = true;
  pass_ms(200);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, {producer.id, 32'767}, TransactionEnd::Commit}}));
  EXPECT_EQ(end_second(producer, true).producer, next);
  EXPECT_EQ(add(next), KafkaError::None);
  EXPECT_EQ(value().producer_id, ProducerId{101});
}

// The time-out aborts the transaction under the last epoch of the producer id. The producer gets this epoch as the
// answer to its own abort. After its next transaction it needs a new producer id.
TEST_F(TransactionPartitionTest, BehindTheLastEpochOfAllIsAnotherProducer) {
  ProducerIdentity producer = init().producer;
  for (int i = 0; i < 32'766; ++i) producer = init().producer;
  add_second(producer);
  pass_ms(10'100);
  const ProducerIdentity last = end_second(producer, false).producer;
  EXPECT_EQ(last, (ProducerIdentity{producer.id, 32'767}));
  ASSERT_EQ(add_second(last), KafkaError::None);
  told.clear();
  const ProducerIdentity next = end_second(last, true).producer;
  EXPECT_EQ(next, (ProducerIdentity{ProducerId{101}, 0}));
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, last, TransactionEnd::Commit}}));
  EXPECT_EQ(end_second(last, true).producer, next);
}

TEST_F(TransactionPartitionTest, NothingJoinsATransactionThatEnds) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  port.holds_appends = true;
  const auto ending = begin(EndTransaction{"t", producer, true});
  AddPartitions verify = add_request(producer);
  verify.verify_only = true;
  const auto verified = begin(verify);
  EXPECT_FALSE(verified->has_value());
  port.holds_appends = false;
  settle();
  ASSERT_TRUE(verified->has_value());
  EXPECT_EQ((*verified)->error, kInvalidTxnState);
}

TEST_F(TransactionPartitionTest, TimeoutsAndIdsHaveBounds) {
  InitProducer request = init_request();
  request.timeout_ms = 900'001;
  EXPECT_EQ(ask(request).error, kInvalidTransactionTimeout);
  request.timeout_ms = 0;
  EXPECT_EQ(ask(request).error, kInvalidTransactionTimeout);
  request = init_request();
  request.transactional_id = "";
  EXPECT_EQ(ask(request).error, KafkaError::InvalidRequest);
}

TEST_F(TransactionPartitionTest, AChangeThatIsNotStoredHasNoEffect) {
  const ProducerIdentity producer = init().producer;
  port.holds_appends = true;
  const auto adding = begin(add_request(producer));
  EXPECT_FALSE(adding->has_value());
  port.fail_append({ErrorCode::DiskFull, "full"});
  settle();
  EXPECT_EQ((*adding)->error, KafkaError::CoordinatorNotAvailable);
  port.holds_appends = false;
  EXPECT_EQ(value().state, TransactionState::Empty);
  EXPECT_EQ(end(producer, true), kInvalidTxnState);
}

TEST_F(TransactionPartitionTest, AFullDiskIsReportedToProducersThatBegin) {
  port.holds_appends = true;
  for (const bool has_other_nodes : {false, true}) {
    port.has_other_nodes = has_other_nodes;
    const auto initializing = begin(init_request());
    settle();
    port.fail_append({ErrorCode::DiskFull, "full"});
    settle();
    ASSERT_TRUE(initializing->has_value());
    EXPECT_EQ((*initializing)->error, has_other_nodes ? KafkaError::CoordinatorNotAvailable
                                                      : KafkaError::KafkaStorageError);
  }
}

TEST_F(TransactionPartitionTest, UnusedIdsAreForgotten) {
  settings.id_expiration_ms = 1'000;
  const ProducerIdentity producer = init().producer;
  add(producer);
  clock.advance_us(2'000'000);
  partition->expire();
  settle();
  EXPECT_EQ(value().state, TransactionState::Ongoing);
  end(producer, true);
  clock.advance_us(2'000'000);
  partition->expire();
  settle();
  EXPECT_EQ(ask(DescribeTransaction{"t"}).error, kTransactionalIdNotFound);
  lead();
  EXPECT_EQ(ask(DescribeTransaction{"t"}).error, kTransactionalIdNotFound);
}

}  // namespace
}  // namespace server::coordinator
