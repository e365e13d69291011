// Tests transactions in one partition: open and aborted transactions, and their state after a restart.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "records/control_batch.h"
#include "storage/kv/memory_store.h"
#include "storage/log/replica_log.h"
#include "storage/log/transaction_guards.h"
#include "storage/log/transaction_index.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

using records::TransactionEnd;

const TopicPartition kPartition{Uuid{{1}}, PartitionId(0)};
constexpr ProducerId kAnna{7}, kBert{8};

class TransactionsTest : public testing::Test {
 protected:
  void SetUp() override { open(); }

  void open() {
    log_.reset();
    log_ = Log::open(store_.open(), {}).value();
    ASSERT_TRUE(create_partitions_and_wait(*log_, kPartition.topic, 1));
  }

  Result<Offset> append(std::string batches) {
    const auto appended = append_and_wait(*log_, append_of(kPartition, std::move(batches)));
    if (!appended) return appended.error();
    return appended->front().base_offset;
  }
  static std::string batch(ProducerId producer, int32_t sequence, const std::string& text,
                           int count = 1, int16_t epoch = 0) {
    records::BatchBuilder builder;
    for (int i = 0; i < count; ++i) builder.append(1000, "key", text + std::to_string(i));
    std::string bytes = builder.finish(records::Codec::None, {producer, epoch, sequence});
    records::set_transactional(bytes);
    return bytes;
  }
  Result<Offset> write(ProducerId producer, int32_t sequence, const std::string& text,
                       int count = 1, int16_t epoch = 0) {
    return append(batch(producer, sequence, text, count, epoch));
  }
  Result<Offset> end(ProducerId producer, TransactionEnd how, int16_t epoch = 0,
                     int32_t coordinator = 0) {
    return append(records::marker_batch(producer, epoch, {how, coordinator}, 2000));
  }

  template <class Ask>
  auto in_turn(const Ask& ask) {
    const auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    auto answer = ask(*reader);
    reader->end_turn();
    return std::move(answer).value();
  }

  Offset stable() {
    return in_turn([](LogReader& reader) { return reader.last_stable_offset(kPartition); });
  }
  std::vector<AbortedTransaction> aborted(int64_t from, int64_t end) {
    return in_turn(
        [&](LogReader& reader) { return reader.aborted(kPartition, Offset{from}, Offset{end}); });
  }
  // Returns the values that a reader with read_committed sees.
  std::vector<std::string> committed() {
    return in_turn([](LogReader& reader) -> Result<std::vector<std::string>> {
      const auto batches = TRY(reader.read(kPartition, Offset{0}, 1 << 20, ReadUpTo::LastStable));
      if (batches.empty()) return std::vector<std::string>();
      const AbortedBatches hidden(
          TRY(reader.aborted(kPartition, Offset{0}, batches.back().last_offset + 1)));
      std::vector<std::string> values;
      for (const BatchRef& ref : batches) {
        const auto view = TRY(records::parse_batch(ref.bytes, records::BatchCheck::ShapeAndCrc));
        if (view.header.is_control() || hidden.contains(view.header)) continue;
        for (std::string& value : values_in(ref.bytes)) values.push_back(std::move(value));
      }
      return values;
    });
  }
  MemoryDisk store_;
  std::unique_ptr<Log> log_;
};

using Values = std::vector<std::string>;

TEST_F(TransactionsTest, AVerifiedBatchIsNotAcceptedBehindTheEnd) {
  const auto under_guard = [&](int32_t sequence, std::shared_ptr<TransactionGuard> guard) {
    AppendRequest request = append_of(kPartition, batch(kAnna, sequence, "a"));
    request.parts.front().guard = std::move(guard);
    return append_and_wait(*log_, std::move(request));
  };
  auto before = log_->guard_transaction(kPartition, kAnna);
  auto of_other = log_->guard_transaction(kPartition, kBert);
  EXPECT_TRUE(under_guard(0, before));
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit, 0, 5));
  const auto late = under_guard(1, before);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::NotEnoughReplicas);
  EXPECT_EQ(stable(), Offset{2});
  EXPECT_TRUE(of_other->check());
  // The verification came from a coordinator that had been replaced before the marker was written.
  auto by_former = log_->guard_transaction(kPartition, kAnna);
  by_former->answered_under(4);
  EXPECT_EQ(under_guard(1, by_former).error().code, ErrorCode::NotEnoughReplicas);
  auto by_present = log_->guard_transaction(kPartition, kAnna);
  by_present->answered_under(5);
  EXPECT_TRUE(under_guard(1, by_present));
}

TEST_F(TransactionsTest, ADecisionUnderAnotherLeaderEpochIsRefused) {
  const auto under = [&](int32_t epoch) {
    AppendRequest request = append_of(kPartition, batch_of("plain"));
    request.parts.front().under = LeaderEpoch{epoch};
    return append_and_wait(*log_, std::move(request));
  };
  EXPECT_TRUE(under(0));
  EXPECT_EQ(under(1).error().code, ErrorCode::FencedLeaderEpoch);
}

TEST_F(TransactionsTest, AnOpenTransactionHoldsBackAllRecordsBehindIt) {
  ASSERT_TRUE(append(batch_of("plain")));
  ASSERT_TRUE(write(kAnna, 0, "a"));
  ASSERT_TRUE(append(batch_of("behind")));
  EXPECT_EQ(stable(), Offset{1});
  EXPECT_EQ(log_->find_partition(kPartition)->readable_end(), Offset{1});
  EXPECT_EQ(log_->find_partition(kPartition)->high_watermark(), Offset{3});
  EXPECT_EQ(committed(), (Values{"plain0"}));
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit));
  EXPECT_EQ(stable(), Offset{4});
  EXPECT_EQ(log_->find_partition(kPartition)->readable_end(), Offset{4});
  EXPECT_EQ(committed(), (Values{"plain0", "a0", "behind0"}));
  EXPECT_TRUE(aborted(0, 100).empty());
}

TEST_F(TransactionsTest, AbortedTransactionsAreListedWhereTheyHaveBatches) {
  ASSERT_TRUE(write(kAnna, 0, "a", 2));            // 0, 1
  ASSERT_TRUE(write(kBert, 0, "b"));               // 2
  ASSERT_TRUE(write(kAnna, 2, "c"));               // 3
  ASSERT_TRUE(end(kAnna, TransactionEnd::Abort));  // 4
  EXPECT_EQ(stable(), Offset{2});
  ASSERT_TRUE(write(kAnna, 3, "d"));                // 5
  ASSERT_TRUE(end(kBert, TransactionEnd::Commit));  // 6
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit));  // 7
  ASSERT_TRUE(write(kBert, 1, "e"));                // 8
  ASSERT_TRUE(end(kBert, TransactionEnd::Abort));   // 9
  EXPECT_EQ(committed(), (Values{"b0", "d0"}));
  const AbortedTransaction first{kAnna, Offset{0}, Offset{4}}, second{kBert, Offset{8}, Offset{9}};
  EXPECT_EQ(aborted(0, 10), (std::vector{first, second}));
  EXPECT_EQ(aborted(3, 5), std::vector{first});
  EXPECT_EQ(aborted(5, 8), std::vector<AbortedTransaction>());
  EXPECT_EQ(aborted(5, 9), std::vector{second});
}

TEST_F(TransactionsTest, BothSurviveARestart) {
  ASSERT_TRUE(write(kAnna, 0, "a"));
  ASSERT_TRUE(end(kAnna, TransactionEnd::Abort));
  ASSERT_TRUE(write(kBert, 0, "b"));
  ASSERT_TRUE(append(batch_of("behind")));
  open();
  EXPECT_EQ(stable(), Offset{2});
  EXPECT_EQ(log_->find_partition(kPartition)->readable_end(), Offset{2});
  EXPECT_EQ(aborted(0, 4).size(), 1);
  ASSERT_TRUE(end(kBert, TransactionEnd::Commit));
  open();
  EXPECT_EQ(stable(), Offset{5});
  EXPECT_EQ(committed(), (Values{"b0", "behind0"}));
}

TEST_F(TransactionsTest, AReplacedProducerIsFenced) {
  ASSERT_TRUE(write(kAnna, 0, "a"));
  // A new producer has taken over the transactional id, so the coordinator ends the open transaction with the next
  // epoch.
  ASSERT_TRUE(end(kAnna, TransactionEnd::Abort, 1));
  EXPECT_EQ(write(kAnna, 1, "late").error().code, ErrorCode::FencedTask);
  EXPECT_EQ(end(kAnna, TransactionEnd::Commit, 0).error().code, ErrorCode::FencedTask);
  EXPECT_EQ(write(kAnna, 5, "gap", 1, 1).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_TRUE(write(kAnna, 0, "new", 1, 1));
}

TEST_F(TransactionsTest, ACoordinatorThatWasReplacedEndsNothing) {
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit, 0, 5));
  ASSERT_TRUE(write(kAnna, 0, "a"));
  EXPECT_EQ(end(kAnna, TransactionEnd::Abort, 0, 4).error().code, ErrorCode::FencedTask);
  EXPECT_EQ(stable(), Offset{1});
  EXPECT_TRUE(end(kAnna, TransactionEnd::Abort, 0, 6));
}

TEST_F(TransactionsTest, ARepeatedBatchBeginsNoTransaction) {
  ASSERT_TRUE(write(kAnna, 0, "a"));
  ASSERT_EQ(write(kAnna, 0, "a").value(), Offset{0});
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit));
  EXPECT_EQ(write(kAnna, 0, "a").error().code, ErrorCode::UndefinedObject);
  EXPECT_EQ(stable(), Offset{2});
}

// A group's coordinator writes offsets on behalf of a producer. Its batches have no sequence.
TEST_F(TransactionsTest, RecordsOfCoordinatorsHaveNoSequence) {
  ASSERT_TRUE(write(kAnna, -1, "a"));
  ASSERT_TRUE(write(kAnna, -1, "b"));
  EXPECT_EQ(stable(), Offset{0});
  EXPECT_FALSE(check_for_append(batch(kAnna, -1, "c")));
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit, 1));
  EXPECT_EQ(write(kAnna, -1, "late").error().code, ErrorCode::FencedTask);
  EXPECT_EQ(committed(), (Values{"a0", "b0"}));
}

TEST_F(TransactionsTest, AnOpenTransactionTakesNothingBesideIt) {
  ASSERT_TRUE(write(kAnna, 0, "a"));
  records::BatchBuilder builder;
  builder.append(1000, "key", "beside");
  EXPECT_EQ(append(builder.finish(records::Codec::None, {kAnna, 0, 1})).error().code,
            ErrorCode::ObjectState);
}

TEST_F(TransactionsTest, DeletedTransactionsAreForgotten) {
  ASSERT_TRUE(write(kAnna, 0, "a"));
  ASSERT_TRUE(end(kAnna, TransactionEnd::Abort));
  ASSERT_TRUE(append(batch_of("behind")));
  ASSERT_TRUE(trim_and_wait(*log_, {kPartition, Offset{2}}));
  EXPECT_TRUE(aborted(0, 3).empty());
}

TEST_F(TransactionsTest, ADeletedPartOfAnOpenTransactionIsNotWaitedFor) {
  ASSERT_TRUE(write(kAnna, 0, "a", 2));
  ASSERT_TRUE(append(batch_of("behind")));
  ASSERT_TRUE(trim_and_wait(*log_, {kPartition, Offset{3}}));
  EXPECT_EQ(stable(), Offset{3});
  EXPECT_EQ(log_->find_partition(kPartition)->readable_end(), Offset{3});
  ASSERT_TRUE(append(batch_of("later")));
  EXPECT_EQ(stable(), Offset{3});
  ASSERT_TRUE(end(kAnna, TransactionEnd::Commit));
  EXPECT_EQ(stable(), Offset{5});
}

// --- Replicas

class ReplicatedTransactionsTest : public TransactionsTest {
 protected:
  void role(ReplicaRole role, int32_t epoch) {
    ReplicaLog replica(*log_);
    ASSERT_TRUE(wait_for<Status>([&](auto done) {
      replica.set_role(kPartition, role, LeaderEpoch{epoch}, std::move(done));
    }));
  }
  void follow(std::string bytes, int64_t base_offset, int64_t high_watermark, int32_t epoch = 1) {
    records::set_base_offset(bytes.data(), Offset{base_offset});
    records::set_leader_epoch(bytes.data(), LeaderEpoch{epoch});
    ReplicaLog replica(*log_);
    FollowRequest request{kPartition, LeaderEpoch{epoch}, bytes, Offset{high_watermark}};
    ASSERT_TRUE(wait_for<Result<Appended>>(
        [&](AppendDone done) { ASSERT_TRUE(replica.try_follow(request, done)); }));
  }
  void truncate(int64_t end, int32_t epoch) {
    ReplicaLog replica(*log_);
    ASSERT_TRUE(wait_for<Result<Offset>>([&](auto done) {
      replica.truncate(kPartition, LeaderEpoch{epoch}, Offset{end}, std::move(done));
    }));
  }
};

TEST_F(ReplicatedTransactionsTest, AnEndThatIsNotVisibleDecidesNothing) {
  role(ReplicaRole::Leader, 1);
  AppendRequest data = append_of(kPartition, batch(kAnna, 0, "a"));
  data.acks = Acks::Leader;
  ASSERT_TRUE(append_and_wait(*log_, data));
  AppendRequest marker =
      append_of(kPartition, records::marker_batch(kAnna, 0, {TransactionEnd::Commit, 0}, 2000));
  marker.acks = Acks::Leader;
  ASSERT_TRUE(append_and_wait(*log_, marker));
  ReplicaLog replica(*log_);
  ASSERT_TRUE(replica.advance_high_watermark(kPartition, LeaderEpoch{1}, Offset{1}));
  EXPECT_EQ(stable(), Offset{0});
  ASSERT_TRUE(replica.advance_high_watermark(kPartition, LeaderEpoch{1}, Offset{2}));
  EXPECT_EQ(stable(), Offset{2});
}

// Records of a partition with one replica are visible immediately. So a commit marker that this replica has written is
// valid, even if the partition gets further replicas in the same group commit.
TEST_F(ReplicatedTransactionsTest, ADecisionOfALoneReplicaHoldsWhenThereAreMore) {
  std::promise<void> hold;
  const auto held = hold.get_future().share();
  std::atomic<bool> is_first = true, holds = false;
  LogOptions options;
  options.on_durable = [&](auto) {
    if (is_first.exchange(false)) holds = true, held.wait();
  };
  role(ReplicaRole::Alone, 1);
  log_.reset();
  log_ = Log::open(store_.open(), options).value();
  const auto send = [&](std::string bytes) {
    AppendRequest request = append_of(kPartition, std::move(bytes));
    AppendDone ignore = [](const auto&) {};
    ASSERT_TRUE(log_->try_append(request, ignore));
  };
  send(batch_of("before"));
  while (!holds) std::this_thread::yield();
  // With this request in the queue, the writer writes the appends before the change of the role
  // (RequestQueue::gather()).
  log_->submit([](WriteTransaction&) { return Status{}; }, [](const Status&) {});
  send(batch(kAnna, 0, "a"));
  send(records::marker_batch(kAnna, 0, {TransactionEnd::Commit, 0}, 2000));
  ReplicaLog replica(*log_);
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    replica.set_role(kPartition, ReplicaRole::Leader, LeaderEpoch{2}, std::move(done));
    hold.set_value();
  }));
  EXPECT_EQ(log_->find_partition(kPartition)->high_watermark(), Offset{3});
  EXPECT_EQ(stable(), Offset{3});
  log_->close();
}

TEST_F(ReplicatedTransactionsTest, AFollowerKnowsTheSameAsItsLeader) {
  role(ReplicaRole::Follower, 1);
  follow(batch(kAnna, 0, "a"), 0, 0);
  follow(batch(kBert, 0, "b"), 1, 1);
  follow(records::marker_batch(kAnna, 0, {TransactionEnd::Abort, 0}, 2000), 2, 3);
  EXPECT_EQ(stable(), Offset{1});
  EXPECT_EQ(aborted(0, 3), std::vector<AbortedTransaction>({{kAnna, Offset{0}, Offset{2}}}));
}

TEST_F(ReplicatedTransactionsTest, AnEndThatIsTruncatedOpensAgain) {
  role(ReplicaRole::Follower, 1);
  follow(batch(kAnna, 0, "a"), 0, 1);
  follow(records::marker_batch(kAnna, 0, {TransactionEnd::Abort, 0}, 2000), 1, 1);
  follow(batch(kBert, 0, "b"), 2, 1);
  truncate(1, 1);
  EXPECT_TRUE(aborted(0, 3).empty());
  // The leader of a newer epoch has committed the transaction.
  role(ReplicaRole::Leader, 2);
  AppendRequest marker =
      append_of(kPartition, records::marker_batch(kAnna, 0, {TransactionEnd::Commit, 1}, 2000));
  marker.acks = Acks::Leader;
  ASSERT_TRUE(append_and_wait(*log_, marker));
  ReplicaLog replica(*log_);
  ASSERT_TRUE(replica.advance_high_watermark(kPartition, LeaderEpoch{2}, Offset{2}));
  EXPECT_EQ(stable(), Offset{2});
  EXPECT_EQ(committed(), (Values{"a0"}));
}

TEST_F(ReplicatedTransactionsTest, ALaterReplicaLearnsOfOpenTransactions) {
  role(ReplicaRole::Leader, 1);
  AppendRequest data = append_of(kPartition, batch(kAnna, 0, "a"));
  data.acks = Acks::Leader;
  ASSERT_TRUE(append_and_wait(*log_, data));
  const std::string producers = ReplicaLog(*log_).producer_snapshot(kPartition).value();

  MemoryDisk other_store;
  auto other = Log::open(other_store.open(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*other, kPartition.topic, 1));
  log_.swap(other);
  role(ReplicaRole::Follower, 1);
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    ReplicaLog(*log_).start_at(kPartition, LeaderEpoch{1}, Offset{1}, producers, std::move(done));
  }));
  follow(batch_of("behind"), 1, 2);
  EXPECT_EQ(stable(), Offset{1});  // the start of the log
  follow(records::marker_batch(kAnna, 0, {TransactionEnd::Commit, 0}, 2000), 2, 3);
  EXPECT_EQ(stable(), Offset{3});
  log_.swap(other);
}

// The snapshot of producers is newer than the batches that are copied after it.
TEST_F(ReplicatedTransactionsTest, TransactionsAbortedBeforeTheSnapshotOfProducersStayHidden) {
  role(ReplicaRole::Leader, 1);
  const std::string first = batch(kAnna, 0, "a"), second = batch(kAnna, 1, "b");
  const std::string marker = records::marker_batch(kAnna, 0, {TransactionEnd::Abort, 0}, 2000);
  for (const std::string& bytes : {first, marker, second}) {
    AppendRequest request = append_of(kPartition, bytes);
    request.acks = Acks::Leader;
    ASSERT_TRUE(append_and_wait(*log_, request));
  }
  const std::string producers = ReplicaLog(*log_).producer_snapshot(kPartition).value();

  MemoryDisk other_store;
  auto other = Log::open(other_store.open(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*other, kPartition.topic, 1));
  log_.swap(other);
  role(ReplicaRole::Follower, 1);
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    ReplicaLog(*log_).start_at(kPartition, LeaderEpoch{1}, Offset{0}, producers, std::move(done));
  }));
  follow(first, 0, 1);
  follow(marker, 1, 2);
  follow(second, 2, 3);
  EXPECT_EQ(aborted(0, 3), std::vector<AbortedTransaction>({{kAnna, Offset{0}, Offset{1}}}));
  EXPECT_EQ(committed(), Values());
  EXPECT_EQ(stable(), Offset{2});
  log_.swap(other);
}

}  // namespace
}  // namespace storage
