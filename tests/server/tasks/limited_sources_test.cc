#include "server/tasks/limited_sources.h"

#include <gtest/gtest.h>

namespace server {
namespace {

const engine::PartitionRef kCut{Uuid{{1}}, PartitionId(0)}, kFree{Uuid{{1}}, PartitionId(1)};

// Partitions that end at offset 10, with batches of five records.
class TenRecords final : public engine::Sources {
 public:
  Result<std::vector<engine::Polled>> poll(
      std::span<const std::pair<engine::PartitionRef, Offset>> positions, size_t) override {
    std::vector<engine::Polled> polled(positions.size());
    for (engine::Polled& one : polled) {
      one.readable_end = Offset(10);
      one.batches = {{"first", Offset(0), Offset(4)}, {"second", Offset(5), Offset(9)}};
    }
    return polled;
  }
  void release() override { ++released; }
  int released = 0;
};

TEST(LimitedSourcesTest, a_partition_ends_at_its_cut) {
  TenRecords all;
  LimitedSources sources(all);
  const std::vector<std::pair<engine::PartitionRef, Offset>> positions{{kCut, Offset(0)},
                                                                       {kFree, Offset(INT64_MAX)}};
  const auto cuts = std::make_shared<Cuts>();
  (*cuts)[kCut] = Offset(5);
  sources.limit(cuts);
  auto polled = sources.poll(positions, 1).value();
  EXPECT_EQ(polled[0].readable_end, Offset(5));
  EXPECT_EQ(polled[0].batches.size(), 1u);
  EXPECT_EQ(polled[1].readable_end, Offset(10));
  sources.release();
  EXPECT_EQ(all.released, 1);
  sources.lift();
  polled = sources.poll(positions, 1).value();
  EXPECT_EQ(polled[0].readable_end, Offset(10));
  EXPECT_EQ(polled[0].batches.size(), 2u);
}

// A reader of a time-ordered exchange polls the ends of the writers' inputs without reading records. At a barrier the
// poll must return the cuts (the end offsets of the barrier), or the reader would wait for rows after the barrier.
TEST(LimitedSourcesTest, the_end_that_is_asked_for_alone_is_limited_too) {
  TenRecords all;
  LimitedSources sources(all);
  const auto cuts = std::make_shared<Cuts>();
  (*cuts)[kCut] = Offset(7);
  sources.limit(cuts);
  const std::pair<engine::PartitionRef, Offset> only_end{kCut, Offset(INT64_MAX)};
  EXPECT_EQ(sources.poll({&only_end, 1}, 1).value()[0].readable_end, Offset(7));
}

}  // namespace
}  // namespace server
