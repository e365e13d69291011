// Tests which records tasks read from partitions with transactions.
#include <gtest/gtest.h>

#include "records/control_batch.h"
#include "server/tasks/log_ports.h"
#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"

namespace server {
namespace {

using storage::append_and_wait, storage::append_of, storage::batch_of;

const storage::TopicPartition kPartition{Uuid{{1}}, PartitionId(0)};
constexpr ProducerId kProducer{7};

std::string transactional(int32_t sequence, const std::string& text) {
  records::BatchBuilder builder;
  builder.append(1000, "key", text);
  std::string bytes = builder.finish(records::Codec::None, {kProducer, 0, sequence});
  records::set_transactional(bytes);
  return bytes;
}
std::string marker(records::TransactionEnd end) {
  return records::marker_batch(kProducer, 0, {end, 0}, 2000);
}

TEST(LogSourcesTest, UndecidedRecordsAreNotReadAndAbortedOnesAreHidden) {
  storage::MemoryDisk disk;
  const auto log = storage::Log::open(disk.open(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*log, kPartition.topic, 1));
  for (const std::string& bytes :
       {batch_of("plain"), transactional(0, "aborted"), marker(records::TransactionEnd::Abort),
        transactional(1, "committed"), marker(records::TransactionEnd::Commit),
        transactional(2, "open"), batch_of("behind")})
    ASSERT_TRUE(append_and_wait(*log, append_of(kPartition, bytes)));
  const auto sources = LogSources::open(*log).value();
  const std::pair<engine::PartitionRef, Offset> all{{kPartition.topic, kPartition.partition},
                                                    Offset{0}};
  const auto polled = sources->poll({&all, 1}, 1 << 20).value();
  ASSERT_EQ(polled.size(), 1);
  ASSERT_TRUE(polled[0].status);
  EXPECT_EQ(polled[0].readable_end, Offset{5});
  std::vector<bool> hidden;
  for (const engine::LogBatch& batch : polled[0].batches) hidden.push_back(batch.is_hidden);
  EXPECT_EQ(hidden, (std::vector{false, true, true, false, true}));
  sources->release();
}

// After a restart, only the batch itself shows that it is a marker.
TEST(LogSourcesTest, MarkersOfTransactionsThatAreOverAreHiddenAfterARestart) {
  storage::MemoryDisk disk;
  {
    const auto log = storage::Log::open(disk.open(), {}).value();
    ASSERT_TRUE(create_partitions_and_wait(*log, kPartition.topic, 1));
    for (const std::string& bytes :
         {transactional(0, "committed"), marker(records::TransactionEnd::Commit)})
      ASSERT_TRUE(append_and_wait(*log, append_of(kPartition, bytes)));
  }
  const auto log = storage::Log::open(disk.open(), {}).value();
  const auto sources = LogSources::open(*log).value();
  const std::pair<engine::PartitionRef, Offset> all{{kPartition.topic, kPartition.partition},
                                                    Offset{0}};
  const auto polled = sources->poll({&all, 1}, 1 << 20).value();
  ASSERT_EQ(polled.size(), 1);
  std::vector<bool> hidden;
  for (const engine::LogBatch& batch : polled[0].batches) hidden.push_back(batch.is_hidden);
  EXPECT_EQ(hidden, (std::vector{false, true}));
  sources->release();
}

}  // namespace
}  // namespace server
