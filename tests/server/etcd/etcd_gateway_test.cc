// Tests the etcd client against a gateway that the test simulates, with failures of the connection.
#include "server/etcd/etcd_gateway.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/server/etcd/mailbox.h"

using namespace server;
using storage::EtcdRange;
using storage::EtcdRevision;

namespace {

// An HTTP server that handles one request for each connection. `answer` receives the path and the
// body, and writes to the socket.
class PretendedGateway {
 public:
  using Answer = std::function<void(int socket, const std::string& path, const std::string& body)>;
  explicit PretendedGateway(Answer answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint_ = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
    thread_ = std::thread([this] { accept_all(); });
  }
  ~PretendedGateway() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (auto& each : conversations_) each.join();
    close(listener_);
  }
  const std::string& endpoint() const { return endpoint_; }

 private:
  void accept_all() {
    for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
      conversations_.emplace_back([this, fd] {
        converse(fd);
        close(fd);
      });
  }
  void converse(int fd) {
    std::string text;
    char buffer[4096];
    size_t head = std::string::npos, whole = SIZE_MAX;
    while (text.size() < whole) {
      const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) return;
      text.append(buffer, static_cast<size_t>(size));
      if (head == std::string::npos && (head = text.find("\r\n\r\n")) != std::string::npos) {
        const size_t length = text.find("Content-Length: ");
        whole = head + 4 + std::stoul(text.substr(length + 16));
      }
    }
    answer_(fd, text.substr(5, text.find(' ', 5) - 5), text.substr(head + 4));
  }
  const Answer answer_;
  int listener_ = -1;
  std::string endpoint_;
  std::thread thread_;
  // belongs to the accepting thread until that thread has ended
  std::vector<std::thread> conversations_;
};

void say(int fd, std::string_view text) { (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL); }
void reply(int fd, std::string_view body, int status = 200) {
  say(fd, fmt::format("HTTP/1.1 {} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                      body.size(), body));
}

struct Client {
  explicit Client(std::vector<std::string> endpoints)
      : gateway({.endpoints = std::move(endpoints), .timeout_ms = 300, .check_ms = 20}, clock,
                [this](std::function<void()> task) { mailbox.post(std::move(task)); }) {}
  Result<storage::EtcdFound> find() {
    std::optional<Result<storage::EtcdFound>> found;
    gateway.find({"a", "b"}, [&](Result<storage::EtcdFound> answer) { found = std::move(answer); });
    EXPECT_FALSE(found);  // the callback is never called before the call returns
    EXPECT_TRUE(mailbox.run_until([&] { return found.has_value(); }));
    return *found;
  }
  SystemClock clock;
  Mailbox mailbox;
  EtcdGateway gateway;
};

}  // namespace

TEST(EtcdGateway, a_range_is_read_in_pages_as_of_one_revision) {
  PretendedGateway gateway([](int fd, const std::string&, const std::string& body) {
    if (body.find(R"("revision":"0")") != std::string::npos)
      return reply(fd, R"({"header":{"revision":"5"},"kvs":[{"key":"YQ=="}],"more":true})");
    EXPECT_NE(body.find(R"("key":"YQA=","range_end":"Yg==","revision":"5")"), std::string::npos);
    reply(fd, R"({"header":{"revision":"8"},"kvs":[{"key":"YWE="}]})");
  });
  Client client({gateway.endpoint()});
  const auto found = client.find();
  ASSERT_TRUE(found);
  ASSERT_EQ(found->entries.size(), 2U);
  EXPECT_EQ(found->entries[1].key, "aa");
  EXPECT_EQ(found->revision, EtcdRevision{5});
}

TEST(EtcdGateway, a_member_that_does_not_answer_is_left_for_the_next) {
  PretendedGateway silent([](int fd, const std::string&, const std::string&) {
    char byte = 0;
    (void)recv(fd, &byte, 1, 0);  // waits until the client closes the connection
  });
  PretendedGateway failing([](int fd, const std::string&, const std::string&) {
    reply(fd, R"({"message":"etcdserver: no leader","code":14})", 503);
  });
  PretendedGateway good([](int fd, const std::string&, const std::string&) {
    reply(fd, R"({"header":{"revision":"5"}})");
  });
  Client client({silent.endpoint(), failing.endpoint(), "http://127.0.0.1:1", good.endpoint()});
  for (int i = 0; i < 3; ++i) {
    const auto found = client.find();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NetworkFailure);
    EXPECT_FALSE(client.gateway.trouble().empty());
  }
  EXPECT_TRUE(client.find());
  EXPECT_TRUE(client.gateway.trouble().empty());
  EXPECT_TRUE(client.find());
}

TEST(EtcdGateway, lines_of_a_watch_come_in_any_pieces) {
  PretendedGateway gateway([](int fd, const std::string&, const std::string&) {
    say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    const std::string_view lines =
        "{\"result\":{\"header\":{\"revision\":\"1\"},\"created\":true}}\n"
        "{\"result\":{\"header\":{\"revision\":\"2\"},\"events\":[{\"kv\":{\"key\":\"YQ==\"}}]}}\n"
        "{\"result\":{\"header\":{\"revision\":\"3\"},\"events\":[{\"kv\":{\"key\":\"YQ==\"}}]}}\n";
    for (size_t i = 0; i < lines.size(); i += 50) {
      say(fd, lines.substr(i, 50));
      usleep(2'000);
    }
  });
  Client client({gateway.endpoint()});
  std::vector<EtcdRevision> told;
  std::optional<Error> end;
  const auto watch =
      client.gateway.watch({"a", "b"}, EtcdRevision{1}, [&](Result<storage::EtcdEvents> events) {
        events ? told.push_back(events->revision) : (void)(end = events.error());
      });
  ASSERT_TRUE(client.mailbox.run_until([&] { return end.has_value(); }));
  EXPECT_EQ(told, (std::vector{EtcdRevision{2}, EtcdRevision{3}}));
  EXPECT_EQ(end->code, ErrorCode::NetworkFailure);
}

TEST(EtcdGateway, a_watch_ends_when_its_member_has_lost_its_majority) {
  std::atomic<bool> is_well = true;
  PretendedGateway gateway([&](int fd, const std::string& path, const std::string&) {
    if (path != "/v3/watch" && is_well) return reply(fd, R"({"header":{"revision":"5"}})");
    if (path == "/v3/watch") say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    char byte = 0;
    (void)recv(fd, &byte, 1, 0);
  });
  Client client({gateway.endpoint()});
  std::optional<Error> end;
  const auto watch = client.gateway.watch(
      {"a", "b"}, EtcdRevision{1},
      [&](const Result<storage::EtcdEvents>& events) { end = events.error(); });
  const auto tick = [&](bool until_end, std::chrono::milliseconds most) {
    const auto give_up = std::chrono::steady_clock::now() + most;
    while (std::chrono::steady_clock::now() < give_up && !(until_end && end)) {
      client.gateway.tick();
      client.mailbox.run_until([&] { return false; }, std::chrono::milliseconds(5));
    }
  };
  tick(false, std::chrono::milliseconds(200));
  EXPECT_FALSE(end);
  is_well = false;
  tick(true, std::chrono::seconds(10));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, ErrorCode::NetworkFailure);
}

TEST(EtcdGateway, after_its_destruction_no_request_is_answered) {
  PretendedGateway gateway([](int fd, const std::string&, const std::string&) {
    reply(fd, R"({"header":{"revision":"5"}})");
  });
  SystemClock clock;
  Mailbox mailbox;
  const auto fail = [](const Result<storage::EtcdFound>&) { ADD_FAILURE(); };
  {
    EtcdGateway client({.endpoints = {gateway.endpoint()}}, clock,
                       [&](std::function<void()> task) { mailbox.post(std::move(task)); });
    client.find({"a", "b"}, fail);
    usleep(50'000);  // meanwhile an answer may be posted
  }
  mailbox.run_until([] { return false; }, std::chrono::milliseconds(20));
}
