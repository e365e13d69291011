// Tests readers that open a snapshot only if they need one: they read the same as other readers and do not
// delay the writer.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "records/control_batch.h"
#include "storage/log/log_core.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

struct Answer {
  ErrorCode code = {};
  std::vector<std::string> batches;
  Offset log_start, end, stable;
};

Answer read(LogReader& reader, Snapshot snapshot, const TopicPartition& partition, Offset from,
            size_t max_bytes, ReadUpTo up_to) {
  EXPECT_TRUE(reader.begin_turn(snapshot));
  Answer answer;
  answer.log_start = reader.log_start(partition).value();
  answer.end = reader.readable_end(partition).value();
  answer.stable = reader.last_stable_offset(partition).value();
  const auto batches = reader.read(partition, from, max_bytes, up_to);
  if (!batches) answer.code = batches.error().code;
  for (const BatchRef& batch : batches ? *batches : std::vector<BatchRef>()) {
    EXPECT_EQ(
        records::parse_batch(batch.bytes, records::BatchCheck::Shape).value().header.base_offset,
        batch.base_offset);
    answer.batches.emplace_back(batch.bytes);
  }
  reader.end_turn();
  return answer;
}

class RecentReadsTest : public testing::Test {
 protected:
  void SetUp() override {
    LogOptions options;
    options.map_size_bytes = 256 << 20;
    log_ = Log::open(directory_.path(), std::move(options)).value();
    ASSERT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1));
    reader_ = LogReader::open(*log_).value();
  }
  Result<std::vector<AppendedBatch>> append(std::string batch) {
    return append_and_wait(*log_, append_of(partition_, std::move(batch)));
  }
  void expect_the_same(Offset from, size_t max_bytes, ReadUpTo up_to) {
    SCOPED_TRACE(testing::Message() << "from " << from.value() << ", " << max_bytes << " bytes");
    const Answer needed = read(*reader_, Snapshot::WhenNeeded, partition_, from, max_bytes, up_to);
    const Answer at_once = read(*reader_, Snapshot::AtOnce, partition_, from, max_bytes, up_to);
    EXPECT_EQ(needed.code, at_once.code);
    EXPECT_EQ(needed.log_start, at_once.log_start);
    EXPECT_EQ(needed.end, at_once.end);
    EXPECT_EQ(needed.stable, at_once.stable);
    EXPECT_EQ(needed.batches.empty(), at_once.batches.empty());
    ASSERT_LE(needed.batches.size(), at_once.batches.size());
    for (size_t i = 0; i < needed.batches.size(); ++i)
      EXPECT_EQ(needed.batches[i], at_once.batches[i]);
  }

  ScratchDirectory directory_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  const TopicPartition partition_{Uuid::random(), PartitionId{0}};
};

TEST_F(RecentReadsTest, equal_other_reads) {
  std::mt19937 chance(7);
  const auto below = [&](size_t end) { return static_cast<int>(chance() % end); };
  int end = 0, start = 0;
  for (int round = 0; round < 600; ++round) {
    const int count = 1 + below(4);
    const size_t size = below(8) == 0 ? 20'000 : static_cast<size_t>(below(300));
    ASSERT_TRUE(append(batch_of(std::string(size, 'v'), count)));
    end += count;
    if (below(100) == 0) {
      start += below(static_cast<size_t>(end - start));
      ASSERT_TRUE(wait_for<Status>([&](auto done) {
        log_->trim({partition_, Offset{start}}, done);
      }));
    }
    for (int reads = below(3); reads > 0; --reads) {
      const int back = below(4) == 0 ? below(200) : below(8);
      expect_the_same(Offset{end + 2 - back}, below(2) == 0 ? 1 : static_cast<size_t>(below(2'000)),
                      static_cast<ReadUpTo>(below(3)));
    }
  }
}

TEST_F(RecentReadsTest, see_the_batches_after_compaction) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(append(batch_of("v" + std::to_string(i))));
  expect_the_same(Offset{0}, 1 << 20, ReadUpTo::HighWatermark);
  const auto number = log_->core().find_partition(partition_)->number();
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    log_->core().submit(
        [&](GroupTransaction& group) {
          return group.clean(
              {partition_, number, 0, {{Offset{1}, ""}, {Offset{3}, ""}}, Offset{4}});
        },
        done);
  }));
  for (int from = 0; from < 6; ++from)
    expect_the_same(Offset{from}, 1 << 20, ReadUpTo::HighWatermark);
  EXPECT_EQ(
      read(*reader_, Snapshot::WhenNeeded, partition_, Offset{0}, 1 << 20, ReadUpTo::HighWatermark)
          .batches.size(),
      4u);
}

TEST_F(RecentReadsTest, end_at_the_last_stable_offset) {
  const auto transactional = [&](int sequence) {
    std::string batch = batch_of("t");
    records::set_producer(batch, {ProducerId{5}, 0, sequence});
    records::set_transactional(batch);
    return batch;
  };
  ASSERT_TRUE(append(batch_of("a")));
  ASSERT_TRUE(append(transactional(0)));
  ASSERT_TRUE(append(batch_of("b")));
  for (int from = 0; from <= 4; ++from)
    expect_the_same(Offset{from}, 1 << 20, ReadUpTo::LastStable);
  EXPECT_EQ(
      read(*reader_, Snapshot::WhenNeeded, partition_, Offset{0}, 1 << 20, ReadUpTo::LastStable)
          .batches.size(),
      1u);
}

// A fetch of several partitions takes its snapshot when it reads the first partition. The snapshot lacks
// transactions that begin later in the other partitions, so the fetch must end before them.
TEST_F(RecentReadsTest, end_before_transactions_that_are_newer_than_the_snapshot) {
  const TopicPartition other{partition_.topic, PartitionId{1}};
  ASSERT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 2));
  const auto transactional = [](int64_t producer, int sequence) {
    std::string batch = batch_of("t");
    records::set_producer(batch, {ProducerId{producer}, 0, sequence});
    records::set_transactional(batch);
    return batch;
  };
  const auto append_to = [&](const TopicPartition& partition, std::string batch) {
    return append_and_wait(*log_, append_of(partition, std::move(batch)));
  };
  const auto ends = [&](int64_t producer, records::TransactionEnd how) {
    return append_to(other, records::marker_batch(ProducerId{producer}, 0, {how, 0}, 2000));
  };
  ASSERT_TRUE(append_to(partition_, transactional(5, 0)));
  ASSERT_TRUE(append_to(other, transactional(6, 0)));
  ASSERT_TRUE(ends(6, records::TransactionEnd::Commit));

  ASSERT_TRUE(reader_->begin_turn(Snapshot::WhenNeeded));
  EXPECT_EQ(reader_->last_stable_offset(partition_).value(), Offset{0});
  ASSERT_TRUE(append_to(other, transactional(6, 1)));  // offset 2, aborted at 3
  ASSERT_TRUE(ends(6, records::TransactionEnd::Abort));
  ASSERT_TRUE(append_to(other, transactional(7, 0)));  // offset 4, stays open
  ASSERT_TRUE(append_to(other, batch_of("behind")));
  EXPECT_EQ(reader_->last_stable_offset(other).value(), Offset{2});
  EXPECT_EQ(reader_->read(other, Offset{0}, 1 << 20, ReadUpTo::LastStable).value().size(), 2u);
  EXPECT_TRUE(reader_->aborted(other, Offset{0}, Offset{6}).value().empty());
  reader_->end_turn();

  ASSERT_TRUE(reader_->begin_turn(Snapshot::WhenNeeded));
  EXPECT_EQ(reader_->last_stable_offset(partition_).value(), Offset{0});
  EXPECT_EQ(reader_->last_stable_offset(other).value(), Offset{4});
  EXPECT_EQ(reader_->aborted(other, Offset{0}, Offset{4}).value().size(), 1u);
  reader_->end_turn();
}

// A reader that keeps up must not force the store to write pending changes.
TEST_F(RecentReadsTest, leave_pages_to_be_written_later) {
  std::set<CommitId> commits;
  constexpr int kAppends = 400;
  std::vector<std::string> values;
  Offset next{0};
  for (int i = 0; i < kAppends; ++i) {
    AppendRequest request = append_of(partition_, batch_of(std::to_string(i) + "."));
    const auto appended = wait_for<Result<Appended>>(
        [&](AppendDone done) { ASSERT_TRUE(log_->try_append(request, done)); });
    commits.insert(appended.value().commit);
    const Answer answer =
        read(*reader_, Snapshot::WhenNeeded, partition_, next, 1 << 20, ReadUpTo::HighWatermark);
    next = answer.end;
    for (const std::string& batch : answer.batches)
      for (std::string& value : values_in(batch)) values.push_back(std::move(value));
  }
  EXPECT_EQ(values, read_values(*log_, partition_));
  EXPECT_EQ(values.size(), size_t{kAppends});
  EXPECT_LT(commits.size(), size_t{kAppends} * 9 / 10);  // otherwise each append has its own commit
}

// With concurrent appends, a reader sees no gap and no record twice.
TEST_F(RecentReadsTest, beside_appends_miss_nothing) {
  constexpr int kClients = 3, kAppends = 400;
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([&] {
      for (int i = 0; i < kAppends; ++i) EXPECT_TRUE(append(batch_of("v")));
    });
  for (Offset next{0}; next < Offset{kClients * kAppends};) {
    const Answer answer =
        read(*reader_, Snapshot::WhenNeeded, partition_, next, 1 << 20, ReadUpTo::HighWatermark);
    for (const std::string& bytes : answer.batches) {
      const auto header = records::parse_batch(bytes, records::BatchCheck::Shape).value().header;
      ASSERT_EQ(header.base_offset, next);
      next = header.last_offset() + 1;
    }
  }
  for (std::thread& client : clients) client.join();
}

}  // namespace
}  // namespace storage
