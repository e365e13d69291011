#include "server/cluster/request_calls.h"

#include <fmt/format.h>

#include <utility>

namespace server {

void RequestCalls::ask(NodeId node, std::string frame, Done done) {
  if (const auto level = around_.level(); level < kLevel)
    return done(
        Error{ErrorCode::NotSupported,
              fmt::format("requests to node {} need feature level {}, and the cluster is at {}",
                          node.value(), kLevel.value(), level.value()),
              {},
              "When all nodes run a program that supports it, run millrace cluster upgrade."});
  if (!around_.is_reached(node))
    return done(
        Error{ErrorCode::NetworkFailure, fmt::format("node {} cannot be reached", node.value())});
  const uint64_t number = questions_.open(
      {node}, kPatienceUs,
      [this, node, done = std::move(done)](uint64_t own_number, const std::set<NodeId>& silent) {
        if (!silent.empty())
          return done(Error{ErrorCode::NetworkFailure,
                            fmt::format("node {} has not answered within {} seconds", node.value(),
                                        kPatienceUs / 1'000'000)});
        RelayedAnswer answer = std::move(answers_.extract(own_number).mapped());
        if (!answer.error.empty())
          return done(Error{ErrorCode::NetworkFailure,
                            fmt::format("node {}: {}", node.value(), answer.error)});
        done(std::move(answer.answer));
      });
  around_.send(node, RelayedRequest{number, std::move(frame)});
}

void RequestCalls::on_message(NodeId from, RelayedRequest message) {
  around_.handle(std::move(message.frame), [this, from, number = message.number](Answer answer) {
    if (answer)
      around_.send(from, RelayedAnswer{number, {}, *std::move(answer)});
    else
      around_.send(from, RelayedAnswer{number, answer.error().message});
  });
}

void RequestCalls::on_message(NodeId from, RelayedAnswer message) {
  const uint64_t number = message.number;
  if (!questions_.is_open(number, from)) return;
  answers_[number] = std::move(message);
  questions_.answered(number, from);
}

}  // namespace server
