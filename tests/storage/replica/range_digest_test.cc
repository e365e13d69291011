#include "storage/replica/range_digest.h"

#include <gtest/gtest.h>

#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

const TopicPartition kPartition{Uuid{{1}}, PartitionId{0}};

class RangeDigestTest : public testing::Test {
 protected:
  struct Replica {
    MemoryDisk disk;
    std::unique_ptr<Log> log = Log::open(disk.open(), LogOptions()).value();
    std::unique_ptr<LogReader> reader = LogReader::open(*log).value();
    Replica() { EXPECT_TRUE(create_partitions_and_wait(*log, kPartition.topic, 1)); }
    void append(const std::string& text, int count = 3) {
      EXPECT_TRUE(append_and_wait(*log, append_of(kPartition, batch_of(text, count))));
    }
    Result<RangeDigest> digest(Offset from, std::optional<Offset> end = {},
                               size_t max_bytes = 1 << 20) {
      return digest_range(*log, *reader, kPartition, from, end, max_bytes);
    }
  };
  Replica one_, other_;
};

}  // namespace

TEST_F(RangeDigestTest, equal_ranges_have_equal_digests) {
  for (int i = 0; i < 10; ++i)
    for (Replica* each : {&one_, &other_}) each->append("text" + std::to_string(i));
  const auto all = one_.digest(Offset{0});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->end, Offset{30});
  EXPECT_EQ(all->from, Offset{0});
  EXPECT_FALSE(all->damaged);
  EXPECT_EQ(other_.digest(Offset{0}, Offset{30})->digest, all->digest);
  // A digest covers whole batches until they have at least as many bytes as the last argument.
  const auto some = one_.digest(Offset{0}, {}, 1);
  EXPECT_EQ(some->end, Offset{3});
  EXPECT_NE(some->digest, all->digest);
  EXPECT_EQ(other_.digest(Offset{0}, Offset{3})->digest, some->digest);
  EXPECT_EQ(other_.digest(Offset{4}, Offset{9})->from, Offset{3}) << "the batch that has it";
  EXPECT_EQ(other_.digest(Offset{3}, Offset{8})->end, Offset{6})
      << "one that reaches over the end is left out";
  EXPECT_EQ(one_.digest(Offset{30})->end, Offset{30});
}

TEST_F(RangeDigestTest, different_ranges_have_different_digests) {
  one_.append("the same");
  other_.append("the same");
  one_.append("one");
  other_.append("two");
  EXPECT_EQ(one_.digest(Offset{0}, Offset{3})->digest, other_.digest(Offset{0}, Offset{3})->digest);
  EXPECT_NE(one_.digest(Offset{0}, Offset{6})->digest, other_.digest(Offset{0}, Offset{6})->digest);
}

TEST_F(RangeDigestTest, only_existing_visible_records_have_a_digest) {
  one_.append("some", 9);
  one_.append("more", 9);
  EXPECT_EQ(one_.digest(Offset{0}, Offset{19}).error().code, ErrorCode::NotEnoughReplicas);
  ASSERT_TRUE(trim_and_wait(*one_.log, {kPartition, Offset{9}}));
  EXPECT_EQ(one_.digest(Offset{0}, Offset{18}).error().code, ErrorCode::OffsetOutOfRange);
  const auto rest = one_.digest(Offset{0});
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->from, Offset{9});
  EXPECT_EQ(rest->comparable_from, Offset{9});
}

}  // namespace storage
