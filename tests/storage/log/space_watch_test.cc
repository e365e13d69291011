#include "storage/log/space_watch.h"

#include "storage/kv/memory_store.h"

namespace storage {
namespace {

class SpaceWatchTest : public testing::Test {
 protected:
  void set_free(size_t bytes) { disk_.set_capacity(bytes); }

  MemoryDisk disk_;
  std::unique_ptr<KeyValueStore> store_ = disk_.open();
  SimulatedClock clock_;
  SpaceWatch space_{*store_, clock_, 1000};
};

TEST_F(SpaceWatchTest, clients_leave_the_whole_reserve_and_tasks_half_of_it) {
  set_free(1500);
  space_.begin_group(0);
  EXPECT_EQ(space_.admit_client_append(501).error().code, ErrorCode::DiskFull);
  EXPECT_TRUE(space_.admit_client_append(500));
  EXPECT_FALSE(space_.admit_client_append(1));
  EXPECT_TRUE(space_.admit_task_commit(500));
  EXPECT_EQ(space_.admit_task_commit(1).error().code, ErrorCode::DiskFull);
}

TEST_F(SpaceWatchTest, it_is_writable_again_when_there_is_clearly_more_than_the_reserve) {
  EXPECT_TRUE(space_.is_writable());
  set_free(900);
  space_.begin_group(1);
  EXPECT_FALSE(space_.admit_client_append(1));
  set_free(1100);
  clock_.advance_us(SpaceWatch::kLookAgainMs * 1000);
  EXPECT_FALSE(space_.is_writable());
  set_free(1250);
  EXPECT_FALSE(space_.is_writable());  // the disk is queried only once per interval
  clock_.advance_us(SpaceWatch::kLookAgainMs * 1000);
  EXPECT_TRUE(space_.is_writable());
}

TEST_F(SpaceWatchTest, a_disk_that_is_full_from_the_start_is_called_so) {
  EXPECT_FALSE(space_.is_full());
  set_free(999);
  SpaceWatch space(*store_, clock_, 1000);
  EXPECT_TRUE(space.is_full());
  set_free(1250);
  clock_.advance_us(SpaceWatch::kLookAgainMs * 1000);
  EXPECT_TRUE(space.is_writable());
}

TEST_F(SpaceWatchTest, a_disk_that_fills_up_is_noticed_without_a_writer) {
  set_free(1000);
  space_.watch();
  EXPECT_FALSE(space_.is_full());
  set_free(999);
  space_.watch();
  EXPECT_FALSE(space_.is_full());  // the disk is queried once a second
  clock_.advance_us(SpaceWatch::kWatchEveryMs * 1000);
  space_.watch();
  EXPECT_TRUE(space_.is_full());
  set_free(1250);
  clock_.advance_us(SpaceWatch::kLookAgainMs * 1000);
  EXPECT_TRUE(space_.is_writable());
}

TEST_F(SpaceWatchTest, after_a_failed_commit_the_next_attempt_is_a_second_later) {
  space_.commit_failed({ErrorCode::DiskFull, "the disk is full or failing"});
  EXPECT_FALSE(space_.is_writable());
  clock_.advance_us(1'000'000);
  EXPECT_TRUE(space_.is_writable());
}

TEST_F(SpaceWatchTest, without_a_reserve_everything_is_tried) {
  SpaceWatch space(*store_, clock_, 0);
  set_free(0);
  space.begin_group(100);
  EXPECT_TRUE(space.admit_client_append(100));
}

}  // namespace
}  // namespace storage
