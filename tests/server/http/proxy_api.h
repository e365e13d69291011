// The REST proxy over a log and groups in memory, with a client.
#pragma once
#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "server/http/proxy/proxy_pages.h"
#include "server/kafka/session.h"
#include "tests/server/http/conversation.h"
#include "tests/server/kafka/memory_backend.h"

namespace server::http {

class ProxyApi {
 public:
  ProxyApi() {
    add_proxy_pages(routes_, view_, *consumers_);
    turn();
  }
  ~ProxyApi() {
    client_.reset();
    consumers_.reset();
    turn();
  }

  // Returns status and body once the answer is complete; "" if it does not become complete.
  std::string ask(std::string_view method, std::string_view path, std::string_view body = "",
                  std::string_view headers = "") {
    if (!client_ || client_->session.is_over())
      client_ = std::make_unique<Conversation>(routes_, Limits{}, size_t{1} << 30, &loop_);
    std::string said =
        client_->say(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: "
                                 "{}\r\n\r\n{}",
                                 method, path, headers, body.size(), body));
    for (int turns = 0; turns < 100 && !is_whole(said) && !client_->session.is_over(); ++turns) {
      turn();
      said += client_->listen();
    }
    if (!is_whole(said)) {
      client_.reset();  // no test would read a late answer to this client
      return "";
    }
    const size_t head = said.find("\r\n\r\n");
    return said.substr(9, 3) + " " + plain(said, head);
  }
  std::string v2(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view format = "json") {
    return ask(method, path, body,
               fmt::format("Content-Type: application/vnd.kafka.{0}.v2+json\r\n"
                           "Accept: application/vnd.kafka.{0}.v2+json\r\n",
                           format));
  }

  engine::SchemaRegistry registry;
  kafka::MemoryBackend backend;
  SimulatedClock clock{1'700'000'000'000};
  MemoryBudget memory{size_t{1} << 30};

 private:
  static bool is_chunked(std::string_view said, size_t head) {
    return said.substr(0, head).find("chunked") != said.npos;
  }
  static bool is_whole(std::string_view said) {
    const size_t head = said.find("\r\n\r\n");
    if (head == said.npos) return false;
    if (is_chunked(said, head)) return said.ends_with("\r\n0\r\n\r\n");
    const size_t length = said.find("ontent-Length: ");
    if (length == said.npos || length > head) return true;
    return said.size() >= head + 4 + std::strtoul(said.data() + length + 15, nullptr, 10);
  }
  static std::string plain(const std::string& said, size_t head) {
    if (!is_chunked(said, head)) return said.substr(head + 4);
    std::string body;
    for (size_t at = head + 4; at < said.size();) {
      const size_t size = std::strtoul(said.data() + at, nullptr, 16);
      at = said.find("\r\n", at) + 2;
      body += said.substr(at, size);
      at += size + 2;
      if (size == 0) break;
    }
    return body;
  }
  // Runs the due tasks of the loop, and lets some time pass.
  void turn() {
    loop_.post([this] { loop_.stop(); });
    loop_.run();
    clock.advance_us(20'000);
  }

  std::unique_ptr<kafka::LocalClient> open_client(MemoryAccount* account) {
    return std::make_unique<kafka::LocalClient>(loop_, clock, account, [this](SessionHost& host) {
      return std::make_unique<kafka::Session>(backend, host, clock, node_);
    });
  }

  Loop loop_;
  kafka::NodeView node_{
      .host = "127.0.0.1", .port = 9092, .cluster_id = "c1", .internal_topic = "own"};
  ProxyView view_{
      "c1",
      [this](size_t, MemoryAccount* account) { return open_client(account); },
      [] { return std::string("127.0.0.1:8088"); },
      {&loop_},
      clock,
      memory,
      {.registry = [this] { return registry; },
       .change =
           [this](const RegistryView::Change& change, const RegistryView::ChangeDone& done) {
             const auto changes = change(registry);
             if (!changes) return done(changes.error());
             registry.apply(*changes);
             done({});
           },
       .run_aside =
           [](size_t, const std::function<void()>& work) {
             work();
             return true;
           },
       .examine_aside =
           [](size_t, const std::function<void()>& work) {
             work();
             return true;
           }}};
  std::unique_ptr<ConsumerInstances> consumers_ = std::make_unique<ConsumerInstances>(view_);
  Routes routes_;
  std::unique_ptr<Conversation> client_;
};

}  // namespace server::http
