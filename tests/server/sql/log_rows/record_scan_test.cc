// Tests RecordScan: reading from the newest record gives the reverse of reading from the oldest, wherever
// batches end.
#include "server/sql/log_rows/record_scan.h"

#include <algorithm>
#include <random>

#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace server {
namespace {

using storage::append_of;
using storage::batch_of;

struct Place {
  std::optional<int64_t> offset = {}, time_ms = {};
};

// Returns the offsets of at most `most` records.
std::vector<int64_t> scanned(storage::Log& log, const storage::TopicPartition& partition,
                             bool is_newest_first, size_t portion_bytes, Place from = {},
                             size_t most = SIZE_MAX) {
  const auto reader = storage::LogReader::open(log).value();
  RecordScan scan(*reader, partition, is_newest_first, portion_bytes);
  EXPECT_TRUE(scan.begin(from.offset, from.time_ms));
  std::vector<int64_t> offsets;
  while (offsets.size() < most) {
    const auto next = scan.peek();
    EXPECT_TRUE(next) << next.error().message;
    if (!next || !*next) break;
    offsets.push_back((*next)->offset.value());
    scan.take();
  }
  EXPECT_EQ(scan.position().has_value(), offsets.size() == most)
      << "a position exists exactly if records are left";
  return offsets;
}

TEST(RecordScan, newest_first_is_the_reverse_of_oldest_first) {
  const storage::ScratchDirectory directory;
  const storage::TopicPartition partition{Uuid::random(), PartitionId{0}};
  const auto log = storage::Log::open(directory.path(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*log, partition.topic, 1));
  EXPECT_EQ(scanned(*log, partition, true, 1000), std::vector<int64_t>());
  std::mt19937 random(7);
  int64_t end = 0;
  for (int i = 0; i < 60; ++i) {
    const int count = 1 + static_cast<int>(random() % 40);
    const std::string text(random() % 5 == 0 ? 20'000 : random() % 50, 'v');
    ASSERT_TRUE(append_and_wait(*log, append_of(partition, batch_of(text, count, end))));
    end += count;
  }
  const int64_t start = 123;  // an offset within a batch
  ASSERT_TRUE(trim_and_wait(*log, {partition, Offset{start}}));
  std::vector<int64_t> all;
  for (int64_t offset = start; offset < end; ++offset) all.push_back(offset);
  const std::vector<int64_t> reversed(all.rbegin(), all.rend());
  for (const size_t portion : {1, 3'000, 100'000, 100'000'000}) {
    EXPECT_EQ(scanned(*log, partition, false, portion), all) << portion;
    EXPECT_EQ(scanned(*log, partition, true, portion), reversed) << portion;
  }
  const auto tail = [&](int64_t from) {
    return std::vector<int64_t>(std::ranges::find(reversed, from), reversed.end());
  };
  EXPECT_EQ(scanned(*log, partition, true, 3'000, {.offset = 400}), tail(400));
  EXPECT_EQ(scanned(*log, partition, true, 3'000, {.offset = end + 50}), reversed);
  EXPECT_EQ(scanned(*log, partition, true, 3'000, {.offset = start - 1}), std::vector<int64_t>());
  // The timestamp of each record is its offset.
  EXPECT_EQ(scanned(*log, partition, true, 3'000, {.time_ms = 400}), tail(400));
  EXPECT_EQ(scanned(*log, partition, false, 3'000, {.time_ms = end - 2}),
            (std::vector<int64_t>{end - 2, end - 1}));
  EXPECT_EQ(scanned(*log, partition, false, 3'000, {.time_ms = end}), std::vector<int64_t>());
  EXPECT_EQ(scanned(*log, partition, true, 3'000, {}, 3),
            (std::vector<int64_t>{end - 1, end - 2, end - 3}));
}

}  // namespace
}  // namespace server
