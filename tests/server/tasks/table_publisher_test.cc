#include "server/tasks/table_publisher.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "records/batch_builder.h"
#include "records/control_batch.h"
#include "server/tasks/local_rebuilds.h"
#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"

namespace server {
namespace {

constexpr Uuid kFrom{{1}}, kTo{{2}};
const RebuildTopics kTopics{kFrom, kTo, "to", 2};
constexpr ProducerId kProducer{7};
using Rows = std::map<std::string, std::string>;

class TablePublisherTest : public testing::Test {
 protected:
  TablePublisherTest() {
    for (const Uuid& topic : {kFrom, kTo})
      EXPECT_TRUE(storage::create_partitions_and_wait(*log_, topic, 2));
  }

  // Appends a row of the table; a row without a value is a deletion.
  void put(Uuid topic, int32_t partition, const std::string& key,
           std::optional<std::string_view> value, records::Codec codec = records::Codec::None) {
    records::BatchBuilder builder;
    builder.append(1000, key, value);
    append(topic, partition, builder.finish(codec));
  }
  void append(Uuid topic, int32_t partition, std::string bytes) {
    ASSERT_TRUE(storage::append_and_wait(
        *log_, storage::append_of({topic, PartitionId(partition)}, std::move(bytes))));
  }

  // Returns the records that read_committed readers find, in order: "key=value", or "key" for a
  // deletion.
  std::vector<std::string> committed(Uuid topic, int32_t partition) {
    std::vector<std::string> found;
    const auto sources = LogSources::open(*log_).value();
    // Polls both partitions together. A poll of one partition may end in the middle of the
    // transaction, before its decision.
    const std::pair<engine::PartitionRef, Offset> both[] = {{{topic, PartitionId(0)}, Offset(0)},
                                                            {{topic, PartitionId(1)}, Offset(0)}};
    const auto polled = sources->poll(both, 128 << 20).value();
    for (const engine::LogBatch& stored : polled[static_cast<size_t>(partition)].batches) {
      if (stored.is_hidden) continue;
      const auto batch = records::parse_batch(stored.bytes, records::BatchCheck::ShapeAndCrc);
      std::string scratch;
      auto reader = records::RecordReader::open(*batch, scratch).value();
      for (records::RecordView record; reader.next(record);)
        found.push_back(std::string(*record.key) +
                        (record.value ? "=" + std::string(*record.value) : ""));
    }
    sources->release();
    return found;
  }
  Result<TablePublisher::Written> publish() { return publisher_.publish(kTopics, kProducer); }

  storage::MemoryDisk disk_;
  std::unique_ptr<storage::Log> log_ = storage::Log::open(disk_.open(), {}).value();
  MemoryBudget memory_;
  SimulatedClock clock_{5000};
  std::atomic<bool> must_stop_ = false;
  LocalRebuilds port_{*log_, clock_};
  TablePublisher publisher_{*log_, memory_, port_, must_stop_};
};

TEST_F(TablePublisherTest, only_differences_are_written) {
  put(kTo, 0, "same", "1");
  put(kTo, 0, "changed", "1");
  put(kTo, 1, "gone", "1");
  put(kTo, 1, "dead", "1");
  put(kTo, 1, "dead", std::nullopt);
  put(kFrom, 0, "changed", "x");
  put(kFrom, 0, "changed", "2");
  put(kFrom, 0, "same", "1");
  put(kFrom, 1, "new", "3", records::Codec::Gzip);
  put(kFrom, 1, "brief", "4");
  put(kFrom, 1, "brief", std::nullopt);
  const auto written = publish();
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->records, 2u);
  EXPECT_EQ(written->deletes, 1u);
  EXPECT_EQ(committed(kTo, 0), (std::vector<std::string>{"same=1", "changed=1", "changed=2"}));
  EXPECT_EQ(committed(kTo, 1),
            (std::vector<std::string>{"gone=1", "dead=1", "dead", "new=3", "gone"}));
}

TEST_F(TablePublisherTest, again_there_is_nothing_to_write) {
  put(kTo, 0, "gone", "1");
  put(kFrom, 1, "new", "3");
  ASSERT_TRUE(publish());
  const auto before = committed(kTo, 0), other = committed(kTo, 1);
  const auto again = publish();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->records + again->deletes, 0u);
  EXPECT_EQ(committed(kTo, 0), before);
  EXPECT_EQ(committed(kTo, 1), other);
}

// A crash before the end of a transaction leaves a batch without a marker.
TEST_F(TablePublisherTest, an_open_transaction_is_aborted_and_written_again) {
  put(kTo, 0, "old", "1");
  put(kFrom, 0, "new", "2");
  records::BatchBuilder builder;
  builder.append(1000, "new", "2");
  std::string open = builder.finish(records::Codec::None, {kProducer, 0, 0});
  records::set_transactional(open);
  append(kTo, 0, std::move(open));
  EXPECT_EQ(committed(kTo, 0), std::vector<std::string>{"old=1"});
  ASSERT_TRUE(publish());
  EXPECT_EQ(committed(kTo, 0), (std::vector<std::string>{"old=1", "new=2", "old"}));
}

TEST_F(TablePublisherTest, large_tables_go_in_many_batches_and_come_at_once) {
  constexpr int kRows = 3000;
  const std::string value(1000, 'v');
  for (int i = 0; i < kRows; ++i) put(kFrom, i % 2, "k" + std::to_string(i), value);
  std::atomic<bool> is_done = false;
  std::vector<size_t> seen;
  std::thread reader([&] {
    while (!is_done) seen.push_back(committed(kTo, 0).size() + committed(kTo, 1).size());
  });
  const auto written = publish();
  is_done = true;
  reader.join();
  ASSERT_TRUE(written);
  EXPECT_EQ(written->records, uint64_t{kRows});
  for (const size_t count : seen) EXPECT_TRUE(count % (kRows / 2) == 0) << count;
}

TEST_F(TablePublisherTest, it_ends_when_the_server_stops) {
  put(kFrom, 0, "new", "2");
  must_stop_ = true;
  EXPECT_EQ(publish().error().code, ErrorCode::ShuttingDown);
}

TEST_F(TablePublisherTest, keys_beyond_the_memory_are_reported) {
  MemoryBudget small(64 * 1024);
  TablePublisher publisher(*log_, small, port_, must_stop_);
  records::BatchBuilder builder;
  for (int i = 0; i < 20'000; ++i) builder.append(1000, "k" + std::to_string(i), "v");
  append(kFrom, 0, builder.finish());
  EXPECT_EQ(publisher.publish(kTopics, kProducer).error().code, ErrorCode::OutOfMemory);
  EXPECT_TRUE(port_.abort(kTopics, kProducer));
  EXPECT_TRUE(committed(kTo, 0).empty());
}

}  // namespace
}  // namespace server
