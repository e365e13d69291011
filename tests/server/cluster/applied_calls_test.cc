#include "server/cluster/applied_calls.h"

#include <gtest/gtest.h>

#include <deque>

using namespace server;

namespace {

constexpr NodeId kOne{1}, kTwo{2}, kThree{3};

class AppliedCallsTest : public ::testing::Test {
 protected:
  void pass(int64_t us) {
    clock.advance_us(us);
    calls.tick();
  }
  uint64_t number_sent() const { return std::get<AskApplied>(sent.back().second).number; }

  SimulatedClock clock{1'700'000'000'000};
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  std::set<NodeId> others{kTwo, kThree};
  Revision applied{5};
  int done = 0;
  AppliedCalls calls{
      {.clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .others = [this] { return others; },
       .applied = [this] { return applied; }}};
};

}  // namespace

TEST_F(AppliedCallsTest, AllOthersAreWaitedFor) {
  calls.ask(Revision{7}, [this] { ++done; });
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(std::get<AskApplied>(sent[0].second).revision, Revision{7});
  calls.on_message(kTwo, AppliedReported{number_sent()});
  calls.on_message(kTwo, AppliedReported{number_sent()});
  EXPECT_EQ(done, 0);
  calls.on_message(kThree, AppliedReported{number_sent()});
  EXPECT_EQ(done, 1);
  calls.on_message(kThree, AppliedReported{number_sent()});
  pass(1'000'000);
  EXPECT_EQ(done, 1);
}

TEST_F(AppliedCallsTest, ASilentNodeIsNotWaitedForLong) {
  calls.ask(Revision{7}, [this] { ++done; });
  calls.on_message(kTwo, AppliedReported{number_sent()});
  pass(400'000);
  EXPECT_EQ(done, 0);
  pass(200'000);
  EXPECT_EQ(done, 1);
  others.clear();
  calls.ask(Revision{8}, [this] { ++done; });
  EXPECT_EQ(done, 2) << "nobody is there";
}

TEST_F(AppliedCallsTest, ANodeAnswersWhenItHasCarriedThemOut) {
  calls.on_message(kOne, AskApplied{3, Revision{5}});
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(std::get<AppliedReported>(sent[0].second).number, 3U);
  calls.on_message(kOne, AskApplied{4, Revision{6}});
  pass(1'000);
  EXPECT_EQ(sent.size(), 1U);
  applied = Revision{6};
  pass(1'000);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].first, kOne);
  pass(1'000);
  EXPECT_EQ(sent.size(), 2U);
}
