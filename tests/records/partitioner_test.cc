#include "records/partitioner.h"
#include "records/crc32c.h"

namespace records {
namespace {

// The expected values are those of Kafka's own tests of Utils.murmur2, where they are signed
// numbers.
TEST(Partitioner, murmur2_gives_the_numbers_that_kafka_publishes) {
  EXPECT_EQ(static_cast<int32_t>(murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<int32_t>(murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
            -58897971);
  EXPECT_EQ(static_cast<int32_t>(murmur2("abc")), 479470107);
}

TEST(Partitioner, a_key_always_goes_to_a_partition_that_exists) {
  EXPECT_EQ(partition_for_key("21", 4),
            PartitionId{static_cast<int32_t>((-973932308 & 0x7fffffff) % 4)});
  for (int32_t count = 1; count < 20; ++count) {
    const PartitionId partition = partition_for_key("foobar", count);
    EXPECT_GE(partition.value(), 0);
    EXPECT_LT(partition.value(), count);
  }
}

TEST(Crc32c, matches_the_published_check_value) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

}  // namespace
}  // namespace records
