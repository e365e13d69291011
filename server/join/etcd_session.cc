#include "server/join/etcd_session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <future>
#include <utility>

namespace server {

namespace {

constexpr int64_t kTickMs = 10;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

EtcdSession::EtcdSession(const std::vector<std::string>& endpoints, const Clock& clock)
    : endpoints_(endpoints) {
  etcd_ = std::make_unique<EtcdGateway>(
      EtcdGatewayOptions{.endpoints = endpoints}, clock,
      [this](std::function<void()> task) { loop_.post(std::move(task)); });
  timer_ = std::make_unique<Timer>(loop_, "etcd", [this] { etcd_->tick(); });
  timer_->start_every(kTickMs);
  thread_ = std::thread([this] { loop_.run(); });
}

EtcdSession::~EtcdSession() {
  loop_.stop();
  thread_.join();
  timer_.reset();
  etcd_.reset();
}

template <class T>
Result<T> EtcdSession::ask(std::function<void(storage::EtcdClient::Answer<T>)> begin) {
  const auto answer = std::make_shared<std::promise<Result<T>>>();
  loop_.post([begin = std::move(begin), answer] {
    begin([answer](Result<T> told) { answer->set_value(std::move(told)); });
  });
  return answer->get_future().get();
}

Result<storage::EtcdFound> EtcdSession::find(storage::EtcdRange range) {
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto found =
        ask<storage::EtcdFound>([&](auto answer) { etcd_->find(range, std::move(answer)); });
    if (found || found.error().code != ErrorCode::NetworkFailure) return found;
    if (std::chrono::steady_clock::now() > give_up_at)
      return Error{ErrorCode::NetworkFailure, "etcd does not answer",
                   fmt::format("{}: {}", fmt::join(endpoints_, ", "), found.error().message),
                   "Repeat the command when etcd answers. Until then the server can be started "
                   "alone."};
    std::this_thread::sleep_for(kPause);
  }
}

Result<storage::EtcdOutcome> EtcdSession::commit(storage::EtcdTransaction transaction) {
  return ask<storage::EtcdOutcome>(
      [&](auto answer) { etcd_->commit(std::move(transaction), std::move(answer)); });
}

}  // namespace server
