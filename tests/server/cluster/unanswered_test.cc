#include "server/cluster/unanswered.h"

#include <gtest/gtest.h>

using namespace server;

namespace {

constexpr NodeId kTwo{2}, kThree{3};

class UnansweredTest : public testing::Test {
 protected:
  // Asks now and then for so long.
  void ask(NodeId node, int64_t for_us) {
    for (const int64_t end_us = now_us_ + for_us; now_us_ < end_us; now_us_ += 10)
      unanswered_.asked(node, now_us_);
  }
  int64_t now_us_ = 1'000;
  Unanswered unanswered_{100};
};

TEST_F(UnansweredTest, who_does_not_answer_for_long_is_silent_until_it_answers) {
  ask(kTwo, 90);
  EXPECT_TRUE(unanswered_.silent(now_us_).empty());
  ask(kTwo, 30);
  EXPECT_EQ(unanswered_.silent(now_us_), std::vector{kTwo});
  unanswered_.answered(kTwo);
  EXPECT_TRUE(unanswered_.silent(now_us_).empty());
  ask(kTwo, 50);
  EXPECT_TRUE(unanswered_.silent(now_us_).empty());
}

TEST_F(UnansweredTest, who_answers_now_and_then_is_not) {
  for (int i = 0; i < 20; ++i) {
    ask(kTwo, 90);
    EXPECT_TRUE(unanswered_.silent(now_us_).empty());
    unanswered_.answered(kTwo);
    ask(kThree, 20);
  }
  EXPECT_EQ(unanswered_.silent(now_us_), std::vector{kThree});
}

TEST_F(UnansweredTest, who_is_asked_no_more_is_not) {
  ask(kTwo, 150);
  now_us_ += 300;
  EXPECT_TRUE(unanswered_.silent(now_us_).empty());
  ask(kTwo, 50);
  EXPECT_TRUE(unanswered_.silent(now_us_).empty()) << "that of before does not count";
}

TEST_F(UnansweredTest, who_was_held_up_itself_has_not_looked) {
  ask(kTwo, 50);
  now_us_ += 150;
  unanswered_.hold_up(150);
  EXPECT_TRUE(unanswered_.silent(now_us_).empty());
  ask(kTwo, 100);
  EXPECT_EQ(unanswered_.silent(now_us_), std::vector{kTwo});
}

}  // namespace
