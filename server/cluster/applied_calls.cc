#include "server/cluster/applied_calls.h"

#include <utility>

namespace server {

namespace {

constexpr int64_t kPatienceUs = 500'000;

}  // namespace

void AppliedCalls::ask(Revision revision, std::function<void()> done) {
  std::set<NodeId> others = around_.others();
  if (others.empty()) return done();
  const uint64_t number = ++last_number_;
  for (const NodeId other : others) around_.send(other, AskApplied{number, revision});
  questions_.emplace(number, Question{std::move(others), around_.clock.monotonic_us() + kPatienceUs,
                                      std::move(done)});
}

void AppliedCalls::on_message(NodeId from, const AskApplied& message) {
  if (around_.applied() >= message.revision) return around_.send(from, AppliedTold{message.number});
  asked_.push_back(
      {from, message.number, message.revision, around_.clock.monotonic_us() + kPatienceUs});
}

void AppliedCalls::on_message(NodeId from, const AppliedTold& message) {
  const auto found = questions_.find(message.number);
  if (found == questions_.end()) return;  // it took too long
  found->second.left.erase(from);
  if (!found->second.left.empty()) return;
  const auto done = std::move(found->second.done);
  questions_.erase(found);
  done();
}

void AppliedCalls::tick() {
  if (asked_.empty() && questions_.empty()) return;
  const int64_t now_us = around_.clock.monotonic_us();
  const Revision applied = around_.applied();
  std::erase_if(asked_, [&](const Asked& each) {
    if (applied >= each.revision) around_.send(each.from, AppliedTold{each.number});
    return applied >= each.revision || now_us >= each.until_us;
  });
  std::vector<std::function<void()>> over;
  std::erase_if(questions_, [&](auto& each) {
    if (now_us < each.second.until_us) return false;
    over.push_back(std::move(each.second.done));
    return true;
  });
  for (const auto& done : over) done();
}

}  // namespace server
