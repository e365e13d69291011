// Tests readers on their own threads while the writer appends, creates and drops: no reader sees
// records of another topic, and none misses a record before the readable end.
#include <atomic>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "storage/log/group_transaction.h"
#include "storage/log/stored_keys.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

// The topics from which the readers choose. A dropped topic may still be among them.
class KnownTopics {
 public:
  void add(const Uuid& topic) {
    std::lock_guard lock(mutex_);
    topics_.push_back(topic);
    if (topics_.size() > 8) topics_.erase(topics_.begin());
  }
  std::vector<Uuid> all() const {
    std::lock_guard lock(mutex_);
    return topics_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Uuid> topics_;  // Guarded by mutex_
};

Status drop_and_wait(Log& log, const Uuid& topic) {
  std::promise<Status> done;
  log.drop_topic(topic, [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

// Checks that every value in a topic is the topic's own id. Returns the number of records.
size_t check_topic(LogReader& reader, const Uuid& topic) {
  const TopicPartition partition{topic, PartitionId{0}};
  const auto end = reader.readable_end(partition);
  if (!end) {
    EXPECT_EQ(end.error().code, ErrorCode::UnknownTopic);
    return 0;
  }
  const auto batches = reader.read(partition, Offset{0}, 1 << 20);
  if (!batches) {  // the topic was dropped after the line above
    EXPECT_EQ(batches.error().code, ErrorCode::UnknownTopic);
    return 0;
  }
  size_t count = 0;
  for (const BatchRef& batch : *batches)
    for (const std::string& value : values_in(batch.bytes)) {
      EXPECT_EQ(value, topic.to_string() + "0");
      ++count;
    }
  EXPECT_EQ(Offset{static_cast<int64_t>(count)}, *end);
  return count;
}

TEST(LogReaders, never_see_another_topics_records_while_topics_come_and_go) {
  const ScratchDirectory directory;
  LogOptions options;
  options.map_size_bytes = 64 << 20;
  auto log = Log::open(directory.path(), options).value();
  KnownTopics topics;
  std::atomic<bool> is_over = false;
  std::atomic<size_t> seen = 0;

  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      auto reader = LogReader::open(*log).value();
      while (!is_over) {
        const auto known = topics.all();
        ASSERT_TRUE(reader->begin_turn());
        for (const Uuid& topic : known) seen += check_topic(*reader, topic);
        reader->end_turn();
      }
    });
  }
  for (int round = 0; round < 30; ++round) {
    const Uuid topic = Uuid::random();
    ASSERT_TRUE(create_partitions_and_wait(*log, topic, 1));
    topics.add(topic);
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(
          append_and_wait(*log, append_of({topic, PartitionId{0}}, batch_of(topic.to_string()))));
    if (round % 3 != 0) {
      ASSERT_TRUE(drop_and_wait(*log, topic));
    }
  }
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(seen, 0u);
  EXPECT_EQ(log->partitions().size(), 10u);
}

// A damaged page may hide records: the remaining records are not all records that were written, so the read must
// fail.
TEST(LogReaders, records_that_are_missing_are_not_stepped_over) {
  const ScratchDirectory directory;
  const TopicPartition partition{Uuid::random(), PartitionId{0}};
  {
    const auto log = Log::open(directory.path(), {}).value();
    ASSERT_TRUE(create_partitions_and_wait(*log, partition.topic, 1));
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(append_and_wait(*log, append_of(partition, batch_of("r", 10))));
    const std::string batches =
        batch_table_name(static_cast<const Partition&>(*log->find_partition(partition)));
    std::promise<Status> erased;
    log->submit(
        [&](WriteTransaction& transaction) -> Status {
          const auto table = TRY(transaction.find_table(batches, KeyOrder::Integer));
          TRY(transaction.erase(*table, IntegerKey(29)));
          return {};
        },
        [&](Status status) { erased.set_value(std::move(status)); });
    ASSERT_TRUE(erased.get_future().get());
  }
  const auto log = Log::open(directory.path(), {}).value();
  const auto reader = LogReader::open(*log).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->read(partition, Offset{0}, 1)->size(), 1u);
  EXPECT_EQ(reader->read(partition, Offset{30}, 1 << 20)->size(), 2u);
  for (const int64_t from : {0, 20, 25})
    EXPECT_EQ(reader->read(partition, Offset{from}, 1 << 20).error().message,
              "the data file has lost the records at offsets " +
                  std::to_string(std::max<int64_t>(from, 20)) + " to 29");
}

TEST(LogReaders, the_log_start_is_right_when_its_front_is_deleted_in_that_turn) {
  const ScratchDirectory directory;
  const TopicPartition partition{Uuid::random(), PartitionId{0}};
  const auto log = Log::open(directory.path(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*log, partition.topic, 1));
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(append_and_wait(*log, append_of(partition, batch_of("r", 10))));
  const auto reader = LogReader::open(*log).value();
  ASSERT_TRUE(reader->begin_turn());
  ASSERT_TRUE(trim_and_wait(*log, {partition, Offset{10}}));
  EXPECT_EQ(reader->log_start(partition).value(), Offset{0});
  EXPECT_TRUE(reader->first_leader_epoch(partition));
  EXPECT_EQ(reader->read(partition, Offset{0}, 1).error().code, ErrorCode::OffsetOutOfRange);
  reader->end_turn();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->log_start(partition).value(), Offset{10});
  EXPECT_TRUE(reader->first_leader_epoch(partition));
  reader->end_turn();
  ASSERT_TRUE(trim_and_wait(*log, {partition, Offset{20}}));
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->log_start(partition).value(), Offset{20});
  EXPECT_EQ(reader->first_leader_epoch(partition).value(), reader->leader_epoch(partition).value());
}

// A reader of another topic must not have to wait until a backup is restored.
TEST(LogReaders, a_partition_that_cannot_be_read_keeps_no_other_from_being_opened) {
  const ScratchDirectory directory;
  const TopicPartition bad{Uuid::random(), PartitionId{0}}, good{Uuid::random(), PartitionId{0}};
  {
    const auto log = Log::open(directory.path(), {}).value();
    for (const TopicPartition& each : {bad, good})
      ASSERT_TRUE(create_partitions_and_wait(*log, each.topic, 1));
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(append_and_wait(*log, append_of(good, batch_of("r"))));
      ASSERT_TRUE(append_and_wait(*log, append_of(bad, batch_of("r", 5))));
    }
    ASSERT_TRUE(append_and_wait(*log, append_of(bad, batch_of("the very last"))));
  }
  std::fstream file(directory.path() + "/log.mdb", std::ios::in | std::ios::out | std::ios::binary);
  std::string page(4096, '\0');
  size_t zeroed = 0;
  for (std::streamoff at = 0; file.seekg(at) && file.read(page.data(), 4096); at += 4096) {
    if (page.find("the very last") == std::string::npos) continue;
    file.seekp(at);
    file << std::string(4096, '\0');
    ++zeroed;
  }
  file.close();
  ASSERT_EQ(zeroed, 1u);
  for (const bool is_dropped : {false, true}) {
    const auto opened = Log::open(directory.path(), {});
    ASSERT_TRUE(opened) << opened.error().message;
    Log& log = **opened;
    EXPECT_TRUE(append_and_wait(log, append_of(good, batch_of("r"))));
    EXPECT_EQ(read_values(log, good).size(), is_dropped ? 302u : 301u);
    const auto reader = LogReader::open(log).value();
    ASSERT_TRUE(reader->begin_turn());
    const auto gone = is_dropped ? ErrorCode::UnknownTopic : ErrorCode::DataCorrupted;
    EXPECT_EQ(reader->read(bad, Offset{0}, 1).error().code, gone);
    EXPECT_EQ(reader->readable_end(bad).error().code, gone);
    reader->end_turn();
    EXPECT_EQ(append_and_wait(log, append_of(bad, batch_of("r"))).error().code, gone);
    if (!is_dropped) {
      EXPECT_TRUE(drop_and_wait(log, bad.topic));
    }
  }
}

}  // namespace
}  // namespace storage
