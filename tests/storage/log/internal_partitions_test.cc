// Tests internal partitions, which share one table: there may be tens of thousands, and none sees
// records of another one.
#include <future>

#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

TEST(InternalPartitions, neighbours_in_the_table_stay_apart) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), {}).value();
  const Uuid topic = Uuid::random();
  ASSERT_TRUE(create_partitions_and_wait(*log, topic, 5, PartitionKind::Internal));
  const auto partition = [&](int32_t number) { return TopicPartition{topic, PartitionId{number}}; };
  for (int round = 0; round < 300; ++round)  // so that the low bytes of the offsets differ, too
    for (const int32_t number : {1, 3})
      ASSERT_TRUE(append_and_wait(
          *log, append_of(partition(number), batch_of(std::to_string(number) + "-"))));
  for (int start = 0; start < 2; ++start) {
    for (const int32_t number : {0, 2, 4}) {
      EXPECT_EQ(read_values(*log, partition(number)), Values{});
      EXPECT_EQ(log->find_partition(partition(number))->log_end(), Offset{0});
    }
    for (const int32_t number : {1, 3}) {
      EXPECT_EQ(read_values(*log, partition(number)), Values(300, std::to_string(number) + "-0"));
      EXPECT_EQ(log->find_partition(partition(number))->log_end(), Offset{300});
    }
    log.reset();
    log = Log::open(disk.open(), {}).value();
  }
}

TEST(InternalPartitions, dropping_one_leaves_the_others) {
  MemoryDisk disk;
  auto log = Log::open(disk.open(), {}).value();
  std::vector<TopicPartition> partitions;
  for (int i = 0; i < 3; ++i) {
    partitions.push_back({Uuid::random(), PartitionId{0}});
    ASSERT_TRUE(create_partitions_and_wait(*log, partitions[i].topic, 1, PartitionKind::Internal));
    ASSERT_TRUE(append_and_wait(*log, append_of(partitions[i], batch_of(std::to_string(i) + "-"))));
  }
  std::promise<Status> dropped;
  log->drop_topic(partitions[1].topic,
                  [&](Status status) { dropped.set_value(std::move(status)); });
  ASSERT_TRUE(dropped.get_future().get());
  wait_until_removed(*log);
  EXPECT_EQ(read_values(*log, partitions[0]), Values{"0-0"});
  EXPECT_EQ(read_values(*log, partitions[2]), Values{"2-0"});
  EXPECT_EQ(log->find_partition(partitions[1]), nullptr);
  EXPECT_EQ(entries_left(*log), 2u);
}

// Ten thousand queries with exchanges need as many tables as a single one.
TEST(InternalPartitions, they_do_not_count_against_the_limit_of_partitions) {
  const ScratchDirectory directory;
  LogOptions options;
  options.max_partitions = 4;
  auto log = Log::open(directory.path(), options).value();
  constexpr int kQueries = 500;
  std::promise<void> last;
  for (int i = 0; i < kQueries; ++i)
    log->create_partitions(
        Uuid::random(), 4,
        [&, i](Status status) {
          EXPECT_TRUE(status);
          if (i == kQueries - 1) last.set_value();
        },
        PartitionKind::Internal);
  last.get_future().wait();
  EXPECT_TRUE(create_partitions_and_wait(*log, Uuid::random(), 4));
  log.reset();
  log = Log::open(directory.path(), options).value();
  EXPECT_EQ(log->topics().size(), kQueries + 1u);
}

}  // namespace
}  // namespace storage
