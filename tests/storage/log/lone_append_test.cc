#include "storage/log/lone_append.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

class LoneAppendTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    log_.reset();
    options_.map_size_bytes = 256 << 20;
    auto opened = Log::open(directory_.path(), options_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = *std::move(opened);
  }
  TopicPartition make_partition() {
    const Uuid topic = Uuid::random();
    EXPECT_TRUE(create_partitions_and_wait(*log_, topic, 1));
    return {topic, PartitionId{0}};
  }
  // Appends one after the other until one is alone with the log.
  struct Alone {
    int count;  // with the last one
    std::shared_ptr<LoneAppend> append;
    std::shared_ptr<std::promise<std::thread::id>> answered_by;
  };
  Alone append_until_alone(const TopicPartition& partition) {
    for (int count = 1;; ++count) {
      AppendRequest request = append_of(partition, batch_of(std::to_string(count)));
      auto answered_by = std::make_shared<std::promise<std::thread::id>>();
      AppendDone done = [answered_by](const Result<Appended>& appended) {
        EXPECT_TRUE(appended);
        answered_by->set_value(std::this_thread::get_id());
      };
      std::shared_ptr<LoneAppend> alone;
      EXPECT_TRUE(try_append(*log_, request, done, alone));
      if (alone) return {count, alone, answered_by};
      answered_by->get_future().wait();
      // The writer is soon back where it waits; who comes earlier is not alone.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  ScratchDirectory directory_;
  LogOptions options_;
  std::unique_ptr<Log> log_;
};

TEST_F(LoneAppendTest, is_durable_and_answered_when_it_is_written) {
  const TopicPartition partition = make_partition();
  int count = 0;
  // The writer may wake up by itself and take what is there.
  for (std::thread::id answered_by; answered_by != std::this_thread::get_id();) {
    Alone alone = append_until_alone(partition);
    alone.append->write();
    count += alone.count;
    answered_by = alone.answered_by->get_future().get();
    EXPECT_EQ(log_->find_partition(partition)->log_end(), Offset{count});
  }
  open();
  EXPECT_EQ(read_values(*log_, partition).size(), static_cast<size_t>(count));
}

TEST_F(LoneAppendTest, is_the_writers_when_it_is_given_up) {
  const TopicPartition partition = make_partition();
  Alone alone = append_until_alone(partition);
  alone.append.reset();
  EXPECT_NE(alone.answered_by->get_future().get(), std::this_thread::get_id());
}

// Beside each other, definitions and maintenance: nothing is lost, doubled, or left lying.
TEST_F(LoneAppendTest, comes_to_an_end_whoever_else_writes) {
  const TopicPartition partition = make_partition();
  constexpr int kThreads = 3, kAppends = 400;
  std::vector<std::thread> threads;
  std::atomic<int> written = 0;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (int n = 0; n < kAppends; ++n) {
        AppendRequest request = append_of(partition, batch_of("v"));
        std::promise<void> answered;
        AppendDone done = [&](const Result<Appended>& appended) {
          EXPECT_TRUE(appended);
          answered.set_value();
        };
        std::shared_ptr<LoneAppend> alone;
        ASSERT_TRUE(try_append(*log_, request, done, alone));
        if (alone && random() % 4 != 0) {
          alone->write();
          ++written;
        }
        alone.reset();
        answered.get_future().wait();
        // The first goes on alone for most of its time.
        if (i > 0 && n % 20 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
  std::thread other([&] {
    for (int n = 0; n < 20; ++n) {
      const TopicPartition dropped = make_partition();
      EXPECT_TRUE(
          wait_for<Status>([&](auto done) { log_->drop_topic(dropped.topic, std::move(done)); }));
    }
  });
  for (std::thread& thread : threads) thread.join();
  other.join();
  EXPECT_EQ(log_->find_partition(partition)->log_end(), Offset{kThreads * kAppends});
  open();
  EXPECT_EQ(read_values(*log_, partition).size(), static_cast<size_t>(kThreads * kAppends));
}

}  // namespace
}  // namespace storage
