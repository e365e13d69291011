#include "server/cluster/request_calls.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

using namespace server;

namespace {

constexpr NodeId kTwo{2}, kThree{3};

class RequestCallsTest : public ::testing::Test {
 protected:
  uint64_t ask(NodeId node) {
    answer.reset();
    calls.ask(node, "question", [this](RequestCalls::Answer told) { answer = std::move(told); });
    return sent.empty() ? 0 : std::get<RelayedRequest>(sent.back().second).number;
  }

  SimulatedClock clock{1'700'000'000'000};
  std::deque<std::pair<NodeId, ClusterMessage>> sent;
  bool is_reached = true;
  storage::FeatureLevel level = RequestCalls::kLevel;
  RequestCalls::Answer own = std::string("own answer");
  std::optional<RequestCalls::Answer> answer;
  RequestCalls calls{
      {.clock = clock,
       .send = [this](NodeId to, ClusterMessage message) { sent.emplace_back(to, message); },
       .is_reached = [this](NodeId) { return is_reached; },
       .level = [this] { return level; },
       .handle = [this](const std::string&, const auto& done) { done(own); }}};
};

}  // namespace

TEST_F(RequestCallsTest, the_answer_of_the_asked_node_is_returned) {
  const uint64_t number = ask(kTwo);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first, kTwo);
  calls.on_message(kThree, RelayedAnswer{number, {}, "of another node"});
  EXPECT_FALSE(answer);
  calls.on_message(kTwo, RelayedAnswer{number, {}, "bytes"});
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ(**answer, "bytes");
}

TEST_F(RequestCallsTest, a_node_that_cannot_be_reached_or_is_silent_is_named) {
  is_reached = false;
  ask(kTwo);
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().message, "node 2 cannot be reached");
  is_reached = true;
  const uint64_t number = ask(kTwo);
  clock.advance_us(RequestCalls::kPatienceUs + 1);
  calls.tick();
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::NetworkFailure);
  EXPECT_EQ(answer->error().message, "node 2 has not answered within 15 seconds");
  answer.reset();
  calls.on_message(kTwo, RelayedAnswer{number, {}, "late"});
  EXPECT_FALSE(answer);
}

TEST_F(RequestCallsTest, a_cluster_below_the_feature_level_passes_no_requests) {
  level = storage::kAccessRulesLevel;
  ask(kTwo);
  EXPECT_TRUE(sent.empty());
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().code, ErrorCode::NotSupported);
  EXPECT_EQ(answer->error().message,
            "requests to node 2 need feature level 6, and the cluster is at 5");
}

TEST_F(RequestCallsTest, a_request_of_another_node_gets_the_answer_or_the_reason) {
  calls.on_message(kThree, RelayedRequest{7, "question"});
  own = Error{ErrorCode::ShuttingDown, "it stops"};
  calls.on_message(kThree, RelayedRequest{8, "question"});
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(std::get<RelayedAnswer>(sent[0].second).answer, "own answer");
  EXPECT_EQ(std::get<RelayedAnswer>(sent[1].second).number, 8U);
  EXPECT_EQ(std::get<RelayedAnswer>(sent[1].second).error, "it stops");
  const uint64_t number = ask(kTwo);
  calls.on_message(kTwo, RelayedAnswer{number, "it stops", {}});
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().message, "node 2: it stops");
}
