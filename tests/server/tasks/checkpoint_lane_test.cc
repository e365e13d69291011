#include "server/tasks/checkpoint_lane.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/kv/memory_store.h"

using namespace server;

namespace {

class CheckpointLaneTest : public testing::Test {
 protected:
  void enter(const std::string& name, size_t size_bytes, bool begins = true) {
    lane_.enter(size_bytes, [this, name, begins] {
      begun_ += name;
      return begins;
    });
  }

  SimulatedClock clock_;
  storage::MemoryDisk log_disk_, state_disk_;
  const std::unique_ptr<storage::Log> log_ = storage::Log::open(log_disk_.open(), {}).value();
  const std::unique_ptr<storage::StateStore> state_ =
      storage::StateStore::open([this] { return state_disk_.open(); }, {}).value();
  CheckpointLane lane_{*state_, *log_, clock_, CheckpointPolicy{.journal_bytes = 100}};
  std::string begun_;
};

TEST_F(CheckpointLaneTest, small_checkpoints_are_written_together_and_large_ones_alone) {
  enter("a", 300);
  enter("b", 60);
  enter("c", 40);
  EXPECT_EQ(begun_, "a");
  lane_.leave(300);
  EXPECT_EQ(begun_, "abc");
  enter("d", 0);
  enter("e", 1);
  EXPECT_EQ(begun_, "abcd");
  lane_.leave(60);
  EXPECT_EQ(begun_, "abcde");
}

TEST_F(CheckpointLaneTest, a_large_one_is_not_overtaken) {
  enter("a", 10);
  enter("large", 1'000);
  enter("b", 10);
  EXPECT_EQ(begun_, "a");
  lane_.leave(10);
  EXPECT_EQ(begun_, "alarge");
  lane_.leave(1'000);
  EXPECT_EQ(begun_, "alargeb");
}

TEST_F(CheckpointLaneTest, a_checkpoint_that_does_not_begin_delays_no_other) {
  enter("a", 100);
  enter("b", 100, false);
  enter("c", 100);
  lane_.leave(100);
  EXPECT_EQ(begun_, "abc");
  lane_.leave(100);
  enter("d", 100);
  EXPECT_EQ(begun_, "abcd");
}

}  // namespace
