// Tests log.mdb with pages in the place of other pages. A misplaced branch page is the worst case: the pages below it
// are correct, but belong to another table or are its own ancestors. Opening and reading may fail, but must not crash.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "storage/kv/bus_error.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

constexpr size_t kPageSize = 4096;

// Writes a topic with a table of its own and partitions that share a table, each of more than one
// page.
std::vector<TopicPartition> write_some(const std::string& directory) {
  const auto log = Log::open(directory, {}).value();
  std::vector<TopicPartition> partitions;
  for (const PartitionKind kind : {PartitionKind::Client, PartitionKind::Internal}) {
    const TopicPartition partition{Uuid::random(), PartitionId{0}};
    EXPECT_TRUE(create_partitions_and_wait(*log, partition.topic, 1, kind));
    AppendRequest request;
    for (int i = 0; i < 40; ++i)
      request.parts.push_back({partition, batch_of(std::string(800, 'v'), 1, 1000 + i)});
    EXPECT_TRUE(append_and_wait(*log, std::move(request)));
    partitions.push_back(partition);
  }
  return partitions;
}

// The kinds of pages according to the flags in LMDB's page header.
enum class PageKind : uint16_t { Branch = 1, Leaf = 2 };
std::vector<size_t> pages_of(const std::string& bytes, PageKind kind) {
  std::vector<size_t> found;
  for (size_t page = 2; page < bytes.size() / kPageSize; ++page) {
    uint64_t number;
    uint16_t flags;
    std::memcpy(&number, &bytes[page * kPageSize], sizeof number);
    std::memcpy(&flags, &bytes[page * kPageSize + 10], sizeof flags);
    if (number == page && flags == static_cast<uint16_t>(kind)) found.push_back(page);
  }
  return found;
}

// Returns whether opening or reading reports an error.
bool is_refused(const std::string& directory, const std::vector<TopicPartition>& partitions) {
  const auto log = Log::open(directory, {});
  if (!log) return true;
  const auto reader = LogReader::open(**log).value();
  if (!reader->begin_turn()) return true;
  bool has_failed = false;
  for (const TopicPartition& partition : partitions) {
    const auto batches = reader->read(partition, Offset{0}, 1 << 20);
    has_failed |= !batches || !reader->producers(partition) ||
                  !reader->end_of_epoch(partition, LeaderEpoch{0});
  }
  has_failed |= !offset_for_time(*reader, partitions.front(), 1010);
  reader->end_turn();
  return has_failed;
}

TEST(LogDamages, a_page_that_leads_elsewhere_is_refused) {
  report_bus_errors();
  const ScratchDirectory original;
  const auto partitions = write_some(original.path());
  std::ifstream file(original.path() + "/log.mdb", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const std::vector<size_t> branches = pages_of(bytes, PageKind::Branch);
  ASSERT_GE(branches.size(), 2u);
  std::vector<size_t> places = branches;
  const std::vector<size_t> leaves = pages_of(bytes, PageKind::Leaf);
  for (size_t i = 0; i < leaves.size(); i += 4) places.push_back(leaves[i]);
  int refused = 0;
  for (const size_t place : places) {
    for (const size_t other : branches) {
      const ScratchDirectory copy;
      std::string damaged = bytes;
      damaged.replace(place * kPageSize, kPageSize, bytes, other * kPageSize, kPageSize);
      std::ofstream(copy.path() + "/log.mdb", std::ios::binary) << damaged;
      refused += is_refused(copy.path(), partitions);
    }
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace storage
