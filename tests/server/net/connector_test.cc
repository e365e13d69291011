#include "server/net/connector.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>

using namespace server;

namespace {

Result<Socket> connect_on(Loop& loop, const Address& address) {
  std::optional<Result<Socket>> result;
  std::unique_ptr<Connector> connector;
  connector = std::make_unique<Connector>(loop, address, 2'000, [&](Result<Socket> connected) {
    result = std::move(connected);
    connector.reset();  // an owner may destroy the connector
    loop.stop();
  });
  EXPECT_FALSE(result);  // the callback is never called before the call returns
  loop.run();
  return std::move(*result);
}

}  // namespace

TEST(Connector, connects_to_a_listener_by_number_and_by_name) {
  Loop loop;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    std::optional<Socket> accepted;
    auto listener = Listener::open(loop, {"127.0.0.1", 0},
                                   [&](Socket socket_) { accepted = std::move(socket_); });
    ASSERT_TRUE(listener);
    const auto connected = connect_on(loop, {host, (*listener)->address().port});
    ASSERT_TRUE(connected) << connected.error().message;
    EXPECT_EQ(send(connected->fd(), "x", 1, 0), 1);
  }
}

TEST(Connector, gives_the_reason_why_it_cannot_connect) {
  Loop loop;
  Address closed;
  {
    auto listener = Listener::open(loop, {"127.0.0.1", 0}, [](const Socket&) {});
    ASSERT_TRUE(listener);
    closed = (*listener)->address();
  }
  loop.post([&] { loop.stop(); });
  loop.run();  // libuv releases the socket only in this run
  const auto refused = connect_on(loop, closed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot connect to " + closed.to_string() + ": connection refused");
  const auto unknown = connect_on(loop, {"no.such.host.invalid", 1});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::NetworkFailure);
}

TEST(Connector, a_destroyed_one_calls_no_callback) {
  Loop loop;
  auto listener = Listener::open(loop, {"127.0.0.1", 0}, [](const Socket&) {});
  ASSERT_TRUE(listener);
  const auto fail = [](const Result<Socket>&) { ADD_FAILURE(); };
  { const Connector connector(loop, (*listener)->address(), 1'000, fail); }
  Timer end(loop, "the end", [&] { loop.stop(); });
  end.start_once(50);
  loop.run();
}
