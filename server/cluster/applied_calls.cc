#include "server/cluster/applied_calls.h"

#include <utility>

namespace server {

namespace {

constexpr int64_t kRevisionPatienceUs = 500'000;

}  // namespace

void AppliedCalls::ask(Revision revision, std::function<void()> done) {
  const std::set<NodeId> others = around_.others();
  if (others.empty()) return done();
  const uint64_t number =
      questions_.open(others, kRevisionPatienceUs, [done = std::move(done)](auto&&...) { done(); });
  for (const NodeId other : others) around_.send(other, AskApplied{number, revision});
}

void AppliedCalls::on_message(NodeId from, const AskApplied& message) {
  if (around_.applied() >= message.revision)
    return around_.send(from, AppliedReported{message.number});
  asked_.push_back(
      {from, message.number, message.revision, around_.clock.monotonic_us() + kRevisionPatienceUs});
}

void AppliedCalls::on_message(NodeId from, const AppliedReported& message) {
  questions_.answered(message.number, from);
}

void AppliedCalls::tick() {
  questions_.tick();
  if (asked_.empty()) return;
  const int64_t now_us = around_.clock.monotonic_us();
  const Revision applied = around_.applied();
  std::erase_if(asked_, [&](const Asked& each) {
    if (applied >= each.revision) around_.send(each.from, AppliedReported{each.number});
    return applied >= each.revision || now_us >= each.until_us;
  });
}

}  // namespace server
