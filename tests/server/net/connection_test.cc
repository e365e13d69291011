#include "server/net/connection.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>

using namespace server;

namespace {

// Opens a blocking socket of a client, as drivers use it.
Socket connect_to(const Address& address) {
  Socket socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(address.port);
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  EXPECT_EQ(connect(socket_.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  return socket_;
}

std::string receive(const Socket& socket_, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = recv(socket_.fd(), bytes.data(), size, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

// An accepted connection. Each of its events stops the loop.
struct Peer : ConnectionHandler {
  Loop& loop;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> connection;
  Socket client;
  std::string input;
  bool drained = false, closed = false;

  explicit Peer(Loop& on) : loop(on) {
    auto opened = Listener::open(loop, {"127.0.0.1", 0}, [this](Socket accepted) {
      connection = std::make_unique<Connection>(loop, std::move(accepted), *this);
      loop.stop();
    });
    EXPECT_TRUE(opened);
    listener = std::move(*opened);
    client = connect_to(listener->address());
    loop.run();
  }
  void on_input(std::string_view bytes) override {
    input += bytes;
    loop.stop();
  }
  void on_drained() override {
    drained = true;
    loop.stop();
  }
  void on_closed() override {
    closed = true;
    loop.stop();
  }
};

}  // namespace

TEST(Listener, reports_that_the_address_is_in_use) {
  Loop loop;
  const auto first = Listener::open(loop, {"127.0.0.1", 0}, [](Socket) {});
  ASSERT_TRUE(first);
  const auto second = Listener::open(loop, (*first)->address(), [](Socket) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "cannot listen on " + (*first)->address().to_string() + ": address already in use");
  EXPECT_FALSE(second.error().hint.empty());
}

TEST(Connection, carries_bytes_both_ways) {
  Loop loop;
  Peer peer(loop);
  ASSERT_EQ(send(peer.client.fd(), "ping", 4, 0), 4);
  loop.run();
  EXPECT_EQ(peer.input, "ping");
  peer.connection->write("po");
  peer.connection->write("ng");
  EXPECT_EQ(receive(peer.client, 4), "pong");
  EXPECT_EQ(peer.connection->unsent_bytes(), 0u);
  EXPECT_TRUE(peer.connection->peer().starts_with("127.0.0.1:"));
}

TEST(Connection, keeps_unsent_output_of_a_slow_reader_and_reports_when_it_is_sent) {
  Loop loop;
  Peer peer(loop);
  const std::string block(1 << 20, 'x');
  size_t written = 0;
  while (!peer.connection->is_full()) {
    peer.connection->write(block);
    written += block.size();
  }
  EXPECT_EQ(peer.connection->held_bytes(), peer.connection->unsent_bytes())
      << "what the socket took of a block is not kept with the rest";
  std::thread reader([&] { EXPECT_EQ(receive(peer.client, written).size(), written); });
  loop.run();
  EXPECT_TRUE(peer.drained);
  EXPECT_LE(peer.connection->unsent_bytes(), Connection::kLowMarkBytes);
  while (peer.connection->unsent_bytes() > 0) {
    Timer soon(loop, "test", [&] { loop.stop(); });
    soon.start_once(1);
    loop.run();
  }
  reader.join();
}

TEST(Connection, notices_that_the_peer_has_closed) {
  Loop loop;
  Peer peer(loop);
  peer.client = Socket();
  loop.run();
  EXPECT_TRUE(peer.closed);
}

TEST(Connection, notices_it_while_input_is_paused_and_unread) {
  Loop loop;
  Peer peer(loop);
  peer.connection->pause_input();
  ASSERT_EQ(send(peer.client.fd(), "unread", 6, 0), 6);
  peer.client = Socket();
  loop.run();
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(peer.input, "");
}

TEST(Connection, last_words_arrive_though_input_is_unread) {
  Loop loop;
  Peer peer(loop);
  peer.connection->pause_input();
  ASSERT_EQ(send(peer.client.fd(), "garbage", 7, 0), 7);
  peer.connection->write("no");
  peer.connection->close_when_sent(10'000);
  std::thread client([&] {
    EXPECT_EQ(receive(peer.client, 100), "no");  // reads up to the end of the connection
    peer.client = Socket();
  });
  loop.run();
  client.join();
  EXPECT_TRUE(peer.closed);
}

TEST(Connection, waits_for_a_peer_that_has_everything_for_the_given_time) {
  Loop loop;
  Peer peer(loop);
  peer.connection->write("no");
  peer.connection->close_when_sent(600'000, 1);
  loop.run();
  EXPECT_TRUE(peer.closed);
  EXPECT_EQ(receive(peer.client, 100), "no") << "though it looks only now";
}

TEST(Connection, does_not_wait_for_ever_for_a_peer_that_stays) {
  Loop loop;
  Peer peer(loop);
  peer.connection->close_when_sent(1);
  loop.run();
  EXPECT_TRUE(peer.closed);
}
