// Tests the server with sockets, loops and threads.
#include "server/pg/pg_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <thread>

#include "server/net/listener.h"
#include "tests/server/pg/conversation.h"

using namespace server;
using namespace server::pg;

namespace {

// Two shards, each with a thread and a backend of its own.
struct RunningServer {
  SystemClock clock;
  struct Shard {
    Loop loop;
    FakeBackend backend;
    std::unique_ptr<Timer> ticking;
    std::thread thread;
  };
  Shard shards[2];
  MemoryBudget memory;
  std::unique_ptr<PgServer> server;

  explicit RunningServer(PgServerOptions options = {}) {
    options.front_end.address = {"127.0.0.1", 0};
    server = std::move(PgServer::open({{&shards[0].loop, &shards[0].backend},
                                       {&shards[1].loop, &shards[1].backend}},
                                      options, memory, clock)
                           .value());
    for (Shard& shard : shards) {
      shard.ticking = std::make_unique<Timer>(shard.loop, "test", [&] { shard.backend.tick(); });
      shard.ticking->start_every(5);
      shard.thread = std::thread([&] { shard.loop.run(); });
    }
  }
  ~RunningServer() {
    for (Shard& shard : shards) shard.loop.stop();
    for (Shard& shard : shards) shard.thread.join();
    server.reset();
    for (Shard& shard : shards) shard.ticking.reset();
  }
  // Calls the function on each loop after all earlier tasks, and waits until it has returned.
  void on_loops(const std::function<void(Shard&)>& call) {
    std::atomic<int> called = 0;
    for (Shard& shard : shards)
      shard.loop.post([&] {
        call(shard);
        ++called;
      });
    while (called < 2) std::this_thread::yield();
  }
  // A backend belongs to its loop, so it is asked there.
  size_t running_pushes() {
    std::atomic<size_t> count = 0;
    on_loops([&](Shard& shard) { count += shard.backend.running_pushes(); });
    return count;
  }
};

// A client with a blocking socket.
class Client {
 public:
  explicit Client(const RunningServer& running)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 4096;  // so that a slow reader soon blocks the server
    setsockopt(socket_.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(running.server->address().port);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    EXPECT_EQ(::connect(socket_.fd(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  void say(const std::string& bytes) {
    EXPECT_EQ(send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Returns the answer up to the next ReadyForQuery, in words.
  std::string hear() {
    return hear_until([](std::string_view heard) {
      constexpr std::string_view kReady("Z\0\0\0\5", 5);
      return heard.size() >= 6 && heard.substr(heard.size() - 6, 5) == kReady;
    });
  }
  std::string hear_bytes(size_t count) {
    hear_until([count](std::string_view heard) { return heard.size() >= count; });
    return last_bytes_;
  }
  // Returns the answer up to the end of the connection, in words.
  std::string hear_all() {
    return hear_until([](std::string_view) { return false; });
  }
  // Starts the session. Returns its process id and its secret.
  std::string begin() {
    say(startup({{"user", "ada"}}));
    hear();
    const size_t key_at = last_bytes_.find(message('K', "12345678").substr(0, 5));
    return last_bytes_.substr(key_at + 5, 8);
  }

 private:
  std::string hear_until(const std::function<bool(std::string_view)>& is_all) {
    last_bytes_.clear();
    char buffer[4096];
    while (!is_all(last_bytes_)) {
      const ssize_t size = recv(socket_.fd(), buffer, sizeof buffer, 0);
      if (size <= 0) break;
      last_bytes_.append(buffer, static_cast<size_t>(size));
    }
    return in_words(last_bytes_);
  }

  Socket socket_;
  std::string last_bytes_;
};

void wait_until(const std::function<bool()>& is_so) {
  for (int i = 0; i < 12'000 && !is_so(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(is_so());
}

}  // namespace

TEST(PgServer, serves_connections_on_all_shards) {
  RunningServer running;
  Client a(running), b(running);
  for (Client* client : {&a, &b}) {
    client->begin();
    client->say(query("SELECT 1"));
    EXPECT_EQ(client->hear(), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
  }
  EXPECT_EQ(running.server->connection_count(), 2u);
}

TEST(PgServer, takes_a_cancel_request_to_the_session_of_another_shard) {
  RunningServer running;
  Client client(running), canceler(running);
  const std::string key = client.begin();
  client.say(query("SELECT * FROM ticks EMIT CHANGES"));
  wait_until([&] { return running.running_pushes() == 1; });
  canceler.say(number32(16) + number32(80877102) + key);
  EXPECT_NE(client.hear().find("E(57014 "), std::string::npos);
  EXPECT_EQ(canceler.hear_all(), "");
}

TEST(PgServer, ignores_a_cancel_request_with_the_wrong_secret) {
  RunningServer running;
  Client client(running), canceler(running);
  std::string key = client.begin();
  key[7] = static_cast<char>(key[7] ^ 1);
  client.say(query("SELECT * FROM ticks EMIT CHANGES LIMIT 150"));
  wait_until([&] { return running.running_pushes() == 1; });
  canceler.say(number32(16) + number32(80877102) + key);
  canceler.hear_all();
  EXPECT_TRUE(client.hear().ends_with("C(SELECT 150) Z(I)"));
}

TEST(PgServer, ends_the_query_of_a_client_that_is_gone) {
  RunningServer running;
  {
    Client client(running);
    client.begin();
    client.say(query("SELECT * FROM ticks EMIT CHANGES"));
    wait_until([&] { return running.running_pushes() == 1; });
  }
  wait_until([&] { return running.running_pushes() == 0; });
  EXPECT_EQ(running.server->connection_count(), 0u);
}

TEST(PgServer, stays_up_when_a_client_sends_garbage) {
  RunningServer running;
  Client bad(running);
  bad.begin();
  bad.say("garbage, and a lot more of it that nobody reads");
  EXPECT_TRUE(bad.hear_all().starts_with("E(08P01 FATAL "));
  Client good(running);
  good.begin();
  good.say(query("SELECT 1"));
  EXPECT_TRUE(good.hear().ends_with("Z(I)"));
}

TEST(PgServer, turns_away_more_clients_than_it_may_have) {
  PgServerOptions options;
  options.front_end.max_connections = 1;
  RunningServer running(options);
  Client first(running);
  first.begin();
  Client second(running);
  second.say(startup({{"user", "ada"}}));
  EXPECT_EQ(second.hear_all(), "E(53300 FATAL sorry, too many clients already)");
}

// libpq reports a broken server if it gets an error as the answer to its SSLRequest.
TEST(PgServer, turns_a_client_away_only_after_it_has_refused_encryption) {
  PgServerOptions options;
  options.front_end.max_connections = 1;
  RunningServer running(options);
  Client first(running);
  first.begin();
  Client second(running);
  second.say(number32(8) + number32(80877103));
  EXPECT_EQ(second.hear_bytes(1), "N");
  second.say(startup({{"user", "ada"}}));
  EXPECT_EQ(second.hear_all(), "E(53300 FATAL sorry, too many clients already)");
}

TEST(PgServer, keeps_no_place_for_refused_connections) {
  PgServerOptions options;
  options.front_end.max_connections = 1;
  RunningServer running(options);
  auto first = std::make_unique<Client>(running);
  first->begin();
  Client silent(running);
  wait_until([&] { return running.server->connection_count() == 2; });
  // waits until the loop has handled the connection, which is counted before that
  running.on_loops([](auto&) {});
  first.reset();
  wait_until([&] { return running.server->connection_count() == 1; });
  Client next(running);
  next.begin();
  next.say(query("SELECT 1"));
  EXPECT_TRUE(next.hear().ends_with("Z(I)"));
}

TEST(PgServer, sends_a_large_answer_whole_to_a_slow_reader) {
  RunningServer running;
  Client client(running);
  client.begin();
  std::string statements;
  const std::string large(4000, 'x');
  for (int i = 0; i < 200; ++i) statements += "SELECT '" + large + "';";
  client.say(query(statements));
  const std::string heard = client.hear();
  EXPECT_TRUE(heard.ends_with("Z(I)"));
}

TEST(PgServer, informs_its_clients_when_it_stops) {
  RunningServer running;
  Client client(running);
  client.begin();
  std::atomic<bool> is_stopped = false;
  running.server->stop([&] { is_stopped = true; });
  EXPECT_TRUE(client.hear_all().starts_with("E(57P01 FATAL "));
  { Client gone = std::move(client); }
  wait_until([&] { return is_stopped.load(); });
}
