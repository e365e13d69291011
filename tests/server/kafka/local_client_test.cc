// Tests a client within the process: each request is answered once and in order, and no callback is called after the
// client was closed.
#include "server/kafka/local_client.h"

#include <fmt/format.h>

#include "tests/server/kafka/session_fixture.h"

namespace server::kafka {
namespace {

class LocalClientTest : public SessionTest {
 protected:
  std::unique_ptr<LocalClient> open(MemoryAccount* memory = nullptr) {
    return std::make_unique<LocalClient>(loop, clock, memory, [this](SessionHost& host) {
      return std::make_unique<Session>(backend, host, clock, node);
    });
  }
  // Runs the due tasks of the loop.
  void turn() {
    loop.post([this] { loop.stop(); });
    loop.run();
  }

  Loop loop;
};

TEST_F(LocalClientTest, answers_come_in_order_and_not_inside_the_question) {
  create_topic("t");
  auto client = open();
  std::vector<std::string> told;
  client->ask<ProduceRequest, ProduceResponse>(
      produce("t", batch("one")), 7, [&](const Result<ProduceResponse>& response) {
        ASSERT_TRUE(response);
        told.push_back(fmt::format(
            "produced {}", response->responses.at(0).partition_responses.at(0).base_offset));
      });
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4,
                                           [&](const Result<FetchResponse>& response) {
                                             ASSERT_TRUE(response);
                                             told.push_back("fetched");
                                           });
  EXPECT_TRUE(told.empty());
  turn();
  EXPECT_EQ(told, (std::vector<std::string>{"produced 0", "fetched"}));
}

// A request that waits is answered when a record arrives.
TEST_F(LocalClientTest, a_long_poll_ends_with_a_record) {
  create_topic("t");
  auto client = open();
  int told = 0;
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0, 60'000), 4,
                                           [&](const Result<FetchResponse>&) { ++told; });
  turn();
  EXPECT_EQ(told, 0);
  clock.advance_us(60'000'000);
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4,
                                           [&](const Result<FetchResponse>&) { ++told; });
  turn();
  EXPECT_EQ(told, 2);
}

TEST_F(LocalClientTest, callbacks_of_a_destroyed_client_are_not_called) {
  create_topic("t");
  backend.holds_appends = true;
  auto client = open();
  bool is_called = false;
  client->ask<ProduceRequest, ProduceResponse>(
      produce("t", batch("one")), 7, [&](const Result<ProduceResponse>&) { is_called = true; });
  turn();
  client.reset();
  backend.let_through();
  turn();
  EXPECT_FALSE(is_called);
}

// A callback may end the client, even if other callbacks wait.
TEST_F(LocalClientTest, a_callback_may_end_it) {
  create_topic("t");
  auto client = open();
  int called = 0;
  for (int i = 0; i < 3; ++i)
    client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4, [&](const Result<FetchResponse>&) {
      ++called;
      client.reset();
    });
  turn();
  EXPECT_EQ(called, 1);
}

TEST_F(LocalClientTest, requests_from_a_callback_are_answered) {
  create_topic("t");
  auto client = open();
  int called = 0;
  std::function<void(const Result<FetchResponse>&)> again = [&](const Result<FetchResponse>&) {
    if (++called < 5) client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4, again);
  };
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4, again);
  for (int i = 0; i < 5; ++i) turn();
  EXPECT_EQ(called, 5);
}

// The session ends with an error because it cannot read a request: all waiting callers get an
// error.
TEST_F(LocalClientTest, all_callbacks_are_called_when_the_session_ends) {
  auto client = open();
  int failed = 0;
  const auto count = [&](const Result<FetchResponse>& response) { failed += response ? 0 : 1; };
  constexpr int16_t kNoVersion = 99;
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0), kNoVersion, count);
  client->ask<FetchRequest, FetchResponse>(fetch("t", 0), 4, count);
  turn();
  EXPECT_EQ(failed, 2);
}

}  // namespace
}  // namespace server::kafka
