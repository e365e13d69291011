// What coordinators of transactions answer, and that what was decided stays so.
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

  // As after a restart: with an empty memory.
  void lead() {
    partition.reset();
    partition.emplace(kHome, port, around);
    partition->lead(port.epoch);
    settle();
  }
  void settle() {
    do {
      port.settle();
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
  KafkaError end(const ProducerIdentity& producer, bool is_commit) {
    return ask(EndTransaction{"t", producer, is_commit}).error;
  }
  TransactionValue value() { return ask(DescribeTransaction{"t"}).value; }

  struct Told {
    std::string topic;
    int32_t partition;
    ProducerIdentity producer;
    TransactionEnd end;
    bool operator==(const Told&) const = default;
  };

  SimulatedClock clock{1'700'000'000'000};
  MemoryPort port{clock};
  TransactionSettings settings{};
  Deadlines deadlines;
  StateSize size;
  int64_t next_producer = 100;
  std::vector<std::function<void()>> later;
  std::vector<Told> told;
  bool is_reachable = true;
  TransactionSurroundings around{
      settings, deadlines, size,
      [this](auto done) { later.push_back([this, done] { done(ProducerId{next_producer++}); }); },
      [this](const std::string& topic, int32_t number, const TransactionEnded& ended, auto done) {
        if (is_reachable) told.push_back({topic, number, ended.producer, ended.marker.end});
        later.push_back([this, done] {
          done(is_reachable ? Status{} : Status{Error{ErrorCode::NotLeader, "moved"}});
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
  // Sent again, since the answer was lost.
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(end(producer, false), kInvalidTxnState);
  EXPECT_EQ(told.size(), 2);
}

TEST_F(TransactionPartitionTest, WhatWasDecidedEndsSoUnderTheNextCoordinator) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  is_reachable = false;
  EXPECT_EQ(end(producer, true), KafkaError::None);
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  lead();
  EXPECT_EQ(value().state, TransactionState::PrepareCommit);
  EXPECT_EQ(end(producer, false), kInvalidTxnState);
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

TEST_F(TransactionPartitionTest, WhoTakesOverAbortsWhatWasOpen) {
  const ProducerIdentity first = init().producer;
  add(first);
  const ProducerIdentity second = init().producer;
  // Under an epoch of its own, so that what the first still sends is refused everywhere.
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, {first.id, 1}, TransactionEnd::Abort}}));
  EXPECT_EQ(second, (ProducerIdentity{first.id, 2}));
  EXPECT_EQ(add(first), kProducerFenced);
  EXPECT_EQ(end(first, true), kProducerFenced);
  EXPECT_EQ(add(second), KafkaError::None);
}

TEST_F(TransactionPartitionTest, WhatIsLeftOpenIsAbortedWhenItsTimeIsOver) {
  const ProducerIdentity producer = init().producer;
  add(producer);
  pass_ms(9'000);
  EXPECT_TRUE(told.empty());
  lead();  // its time goes on
  pass_ms(1'200);
  EXPECT_EQ(told, (std::vector<Told>{{"data", 0, {producer.id, 1}, TransactionEnd::Abort}}));
  EXPECT_EQ(end(producer, true), kProducerFenced);
  // KIP-360 does not let the late one go on: it does not know the epoch that fenced it.
  EXPECT_EQ(init(producer).error, kProducerFenced);
}

TEST_F(TransactionPartitionTest, AProducerThatGoesOnAfterAnErrorNamesItself) {
  const ProducerIdentity first = init().producer;
  const InitializedProducer again = init(first);
  EXPECT_EQ(again.producer, (ProducerIdentity{first.id, 1}));
  // The answer was lost: the same one once more.
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

TEST_F(TransactionPartitionTest, WhatNobodyBeganCannotEnd) {
  const ProducerIdentity producer = init().producer;
  EXPECT_EQ(end(producer, true), kInvalidTxnState);
  EXPECT_EQ(ask(EndTransaction{"other", producer, true}).error, kInvalidProducerIdMapping);
  EXPECT_EQ(add({ProducerId{7}, 0}), kInvalidProducerIdMapping);
  EXPECT_EQ(ask(DescribeTransaction{"other"}).error, kTransactionalIdNotFound);
}

TEST_F(TransactionPartitionTest, OnlyWhatWasAddedIsPartOfIt) {
  const ProducerIdentity producer = init().producer;
  add(producer, 1);
  AddPartitions verify = add_request(producer, 1);
  verify.verify_only = true;
  EXPECT_EQ(ask(verify).error, KafkaError::None);
  verify.partitions["data"].push_back(2);
  EXPECT_EQ(ask(verify).error, kInvalidTxnState);
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

TEST_F(TransactionPartitionTest, WhatIsNotStoredWasNotDone) {
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

TEST_F(TransactionPartitionTest, IdsThatNobodyUsesAreForgotten) {
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
