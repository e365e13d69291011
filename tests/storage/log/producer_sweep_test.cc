#include "storage/log/producer_sweep.h"

#include "storage/kv/memory_store.h"
#include "storage/log/producer_state.h"
#include "storage/log/task_outputs.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

class ProducerSweepTest : public testing::Test {
 protected:
  void SetUp() override {
    auto write = store_->begin_write().value();
    table_ = write->open_table("producers", KeyOrder::Bytes).value();
    ASSERT_TRUE(write->commit());
  }
  void add(int64_t partition, int64_t producer, int64_t append_ms) {
    ProducerState state;
    records::BatchHeader batch;
    batch.producer_epoch = 0;
    batch.base_sequence = 0;
    state.appended(batch, Offset{0}, append_ms);
    auto write = store_->begin_write().value();
    ASSERT_TRUE(write->put(table_, producer_key(LogNumber{partition}, ProducerId{producer}),
                           state.encode()));
    ASSERT_TRUE(write->commit());
  }
  size_t sweep(ProducerSweep& sweep, int64_t now_ms) {
    EXPECT_EQ(sweep.due_in_ms(now_ms), 0);
    size_t removed = 0;
    do {
      auto write = store_->begin_write().value();
      removed += sweep.work(*write, now_ms).value();
      EXPECT_TRUE(write->commit());
    } while (sweep.due_in_ms(now_ms) == 0);
    return removed;
  }
  size_t left(int64_t partition) {
    auto read = store_->begin_read().value();
    const auto cursor = read->cursor(table_).value();
    size_t count = 0;
    auto entry = cursor->seek(producer_key(LogNumber{partition}, ProducerId{0})).value();
    for (; entry && load_be<int64_t>(entry->key.data()) == partition;
         entry = cursor->next().value())
      ++count;
    return count;
  }

  MemoryDisk disk_;
  std::unique_ptr<KeyValueStore> store_ = disk_.open();
  TableHandle table_;
  absl::flat_hash_set<ProducerId> tasks_;
};

TEST_F(ProducerSweepTest, producers_that_were_silent_for_long_are_forgotten) {
  ProducerSweep producers(table_, {.expiration_ms = 1000, .max_per_partition = 100}, tasks_);
  add(1, 1, 500);
  add(1, 2, 1500);
  add(7, 1, 100);
  EXPECT_EQ(sweep(producers, 1500), 2u);
  EXPECT_EQ(left(1), 1u);
  EXPECT_EQ(left(7), 0u);
  EXPECT_EQ(producers.due_in_ms(1500), 500);
  EXPECT_EQ(sweep(producers, 2500), 1u);
}

// The state of a task remains until its query is dropped, however long the task was silent and however many clients
// there are.
TEST_F(ProducerSweepTest, the_state_of_a_task_is_removed_with_its_query) {
  ProducerSweep producers(table_, {.expiration_ms = 1000, .max_per_partition = 1}, tasks_);
  const ProducerId alive = kFirstTaskProducer + 3, dropped = kFirstTaskProducer + 4;
  tasks_.insert(alive);
  add(1, 1, 900'000);
  add(1, alive.value(), 0);
  add(1, dropped.value(), 900'000);
  EXPECT_EQ(sweep(producers, 900'000), 1u);
  EXPECT_EQ(left(1), 2u);
  tasks_.erase(alive);
  EXPECT_EQ(sweep(producers, 960'000), 2u);
}

// A case found by simulation: an output of a task that runs on another node was refused, as if a batch
// were missing before it.
TEST_F(ProducerSweepTest, tasks_of_other_nodes_are_not_forgotten_in_a_cluster) {
  ProducerSweep producers(
      table_, {.expiration_ms = 1000, .max_per_partition = 100, .forgets_foreign_tasks = false},
      tasks_);
  add(1, kFirstTaskProducer.value() + 5, 0);
  add(1, 1, 0);
  EXPECT_EQ(sweep(producers, 10'000), 1u) << "the client";
  EXPECT_EQ(left(1), 1u);
}

TEST_F(ProducerSweepTest, with_too_many_the_longest_silent_are_removed) {
  ProducerSweep producers(table_, {.expiration_ms = 1'000'000, .max_per_partition = 10}, tasks_);
  for (int64_t i = 0; i < 25; ++i) add(2, i, 100 + i);
  for (int64_t i = 0; i < 10; ++i) add(3, i, 1);
  for (int64_t i = 0; i < 11; ++i) add(4, i, 200 - i);
  EXPECT_EQ(sweep(producers, 1000), 16u);
  EXPECT_EQ(left(2), 10u);
  EXPECT_EQ(left(3), 10u);
  EXPECT_EQ(left(4), 10u);
  auto read = store_->begin_read().value();
  EXPECT_FALSE(read->get(table_, producer_key(LogNumber{2}, ProducerId{14})).value());
  EXPECT_TRUE(read->get(table_, producer_key(LogNumber{2}, ProducerId{15})).value());
  EXPECT_FALSE(read->get(table_, producer_key(LogNumber{4}, ProducerId{10})).value());
}

// If the writer did not skip the damaged entry, it would return to it again and again.
TEST_F(ProducerSweepTest, one_that_is_damaged_is_stepped_over) {
  ProducerSweep producers(table_, {.expiration_ms = 1000, .max_per_partition = 100}, tasks_);
  add(1, 1, 100);
  add(1, 3, 100);
  auto write = store_->begin_write().value();
  ASSERT_TRUE(write->put(table_, producer_key(LogNumber{1}, ProducerId{2}), "?"));
  ASSERT_TRUE(write->commit());
  write.reset();
  EXPECT_EQ(sweep(producers, 5000), 2u);
  EXPECT_EQ(left(1), 1u);
  EXPECT_EQ(producers.due_in_ms(5000), 500);
}

TEST_F(ProducerSweepTest, a_large_table_is_swept_in_slices) {
  ProducerSweep producers(table_, {.expiration_ms = 1000, .max_per_partition = 2000}, tasks_);
  auto write = store_->begin_write().value();
  for (int64_t i = 0; i < 2500; ++i)
    ASSERT_TRUE(write->put(table_, producer_key(LogNumber{i % 2}, ProducerId{i}),
                           ProducerState().encode()));
  ASSERT_TRUE(write->commit());
  write.reset();
  write = store_->begin_write().value();
  EXPECT_LE(producers.work(*write, 5000).value(), 1000u);
  EXPECT_EQ(producers.due_in_ms(5000), 0);
}

// Tests a complete log. A producer that returns after the expiry is a new one, so any sequence
// number is accepted.
TEST(ProducerExpiry, is_done_by_the_log_while_it_idles) {
  MemoryDisk disk;
  SimulatedClock clock(1'000'000);
  LogOptions options;
  options.clock = &clock;
  options.producer_expiration_ms = 1;
  auto log = Log::open(disk.open(), options).value();
  const TopicPartition partition{Uuid::random(), PartitionId{0}};
  ASSERT_TRUE(create_partitions_and_wait(*log, partition.topic, 1));
  records::BatchBuilder builder;
  builder.append(1, "k", "v");
  ASSERT_TRUE(append_and_wait(
      *log, append_of(partition, builder.finish(records::Codec::None, {ProducerId{9}, 0, 0}))));
  log.reset();
  clock.advance_us(100'000'000);
  log = Log::open(disk.open(), options).value();
  // the entries for the partition's table and its batch stay
  while (entries_left(*log) > 2) std::this_thread::yield();
  builder.append(1, "k", "v");
  EXPECT_TRUE(append_and_wait(
      *log, append_of(partition, builder.finish(records::Codec::None, {ProducerId{9}, 0, 77}))));
}

}  // namespace
}  // namespace storage
