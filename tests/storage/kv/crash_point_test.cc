#include "storage/kv/crash_point.h"

#include <csignal>
#include <cstdlib>

namespace storage {
namespace {

// Each test runs in a process of its own, because the setting is read only once.
class CrashPointDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(CrashPointDeathTest, the_named_point_kills_at_its_first_passage) {
  EXPECT_EXIT(
      {
        setenv("MILLRACE_CRASH_POINT", "before-log-commit", 1);
        pass(CrashPoint::BeforeAcknowledgement);
        pass(CrashPoint::BeforeLogCommit);
        std::exit(0);
      },
      testing::KilledBySignal(SIGKILL), "");
}

TEST_F(CrashPointDeathTest, a_count_lets_earlier_passages_through) {
  EXPECT_EXIT(
      {
        setenv("MILLRACE_CRASH_POINT", "between-checkpoint-chunks:3", 1);
        for (int passage = 0; passage < 2; ++passage) pass(CrashPoint::BetweenCheckpointChunks);
        std::exit(7);
      },
      testing::ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        setenv("MILLRACE_CRASH_POINT", "between-checkpoint-chunks:3", 1);
        for (int passage = 0; passage < 3; ++passage) pass(CrashPoint::BetweenCheckpointChunks);
        std::exit(0);
      },
      testing::KilledBySignal(SIGKILL), "");
}

TEST_F(CrashPointDeathTest, without_the_setting_nothing_happens) {
  unsetenv("MILLRACE_CRASH_POINT");
  pass(CrashPoint::BeforeJournalTrim);
}

}  // namespace
}  // namespace storage
