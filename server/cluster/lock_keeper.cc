#include "server/cluster/lock_keeper.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"

namespace server {

namespace {

// Margin for clocks of different machines that run at slightly different rates.
constexpr int64_t kMarginUs = 1'000'000;

}  // namespace

void LockKeeper::begin(int64_t controller_epoch) {
  end();
  term_ = std::make_unique<Term>(controller_epoch);
  term_->grants_from_us = around_.clock.monotonic_us() + kLockLeaseUs + kMarginUs;
  const auto cluster = around_.cluster();
  for (const auto& [id, node] : cluster->nodes())
    if (!around_.is_gone(id)) term_->silent.insert(id);
  if (!rules_.awaits_holders) begin_to_grant();
}

// The holds of the clients refer to term_->table, so they are destroyed before term_. The
// destruction of a hold can grant another request; the callback of that request then finds no
// client and does nothing.
void LockKeeper::end() {
  if (!term_) return;
  term_->waiting.clear();
  auto clients = std::exchange(term_->clients, {});
  clients.clear();
  term_.reset();
}

void LockKeeper::on_gone(NodeId node) {
  if (!term_) return;
  term_->silent.erase(node);
  if (term_->clients.contains(node)) drop(node);
  tick();
}

void LockKeeper::tick() {
  if (!term_) return;
  const int64_t now_us = around_.clock.monotonic_us();
  const auto cluster = around_.cluster();
  std::vector<NodeId> over;
  for (const auto& [id, client] : term_->clients) {
    const storage::ClusterNode* known = cluster->find(id);
    const bool is_replaced = known == nullptr || known->epoch > client.process;
    if (is_replaced || now_us - client.heard_us > kLockLeaseUs + kMarginUs) over.push_back(id);
  }
  for (const NodeId id : over) drop(id);
  if (!term_->grants && (term_->silent.empty() || now_us >= term_->grants_from_us))
    begin_to_grant();
  answer_due();
}

void LockKeeper::begin_to_grant() {
  term_->grants = true;
  term_->silent.clear();
  for (const auto& [node, id] : std::exchange(term_->waiting, {})) decide(node, id);
}

void LockKeeper::on_message(NodeId from, LocksWanted message) {
  if (!term_ || !around_.is_confirmed()) return;
  const storage::ClusterNode* known = around_.cluster()->find(from);
  // The node's registration has another process. Either an earlier process sent this message and it
  // arrived late, or this node has not read the registration yet. In the second case the sender
  // repeats the message.
  if (known == nullptr || known->epoch != message.process) return;
  if (const auto found = term_->clients.find(from);
      found != term_->clients.end() && found->second.process != message.process)
    drop(from);
  const bool is_known = term_->clients.contains(from);
  Client& client = term_->clients[from];
  client.process = message.process;
  client.heard_us = around_.clock.monotonic_us();
  const bool needs_all = message.base > client.version || (!is_known && message.base > 0);
  if (!needs_all) {
    client.sent_us = std::max(client.sent_us, message.sent_us);
    if (message.version > client.version || message.base == 0)
      change(from, client, message);
    else if (message.version == client.version)
      client.pending = {message.pending.begin(), message.pending.end()};
    term_->silent.erase(from);
  }
  term_->due.erase(from);
  answer(from, needs_all);
  tick();
}

void LockKeeper::change(NodeId from, Client& client, LocksWanted& message) {
  if (message.version < client.version) return;  // a newer message has arrived before this one
  for (const uint64_t id : message.removed) release(from, client, id);
  if (message.base == 0) {  // the message lists all requests; others were released
    std::set<uint64_t> listed;
    for (const auto& each : message.added) listed.insert(each.id);
    std::vector<uint64_t> gone;
    for (const auto& [id, lock] : client.locks)
      if (!listed.contains(id)) gone.push_back(id);
    for (const uint64_t id : gone) release(from, client, id);
  }
  client.version = message.version;
  client.pending = {message.pending.begin(), message.pending.end()};
  for (LocksWanted::Wanted& wanted : message.added) {
    const uint64_t id = wanted.id;
    if (client.locks.contains(id)) continue;
    const bool is_held = wanted.is_held;
    client.locks[id].wanted = std::move(wanted);
    if (is_held || term_->grants)
      decide(from, id);
    else
      term_->waiting.emplace_back(from, id);
  }
}

TableLocks::Owner LockKeeper::own(NodeId node, uint64_t owner) {
  size_t& requests = term_->owners[{node, owner}];
  ++requests;
  return &requests;
}

void LockKeeper::decide(NodeId node, uint64_t id) {
  const auto client = term_->clients.find(node);
  if (client == term_->clients.end()) return;
  const auto found = client->second.locks.find(id);
  if (found == client->second.locks.end()) return;
  Lock& lock = found->second;
  // begin_to_grant() calls this function twice for an id if term_->waiting also has a request of an
  // earlier process of the node with the same id.
  if (std::exchange(lock.is_queued, true)) return;
  const auto granted = [this, node, id](TableLocks::Hold hold) {
    if (!term_) return;
    const auto its = term_->clients.find(node);
    if (its == term_->clients.end()) return;
    const auto waiting = its->second.locks.find(id);
    if (waiting == its->second.locks.end()) return;
    waiting->second.hold = std::move(hold);
    waiting->second.verdict = Lock::Verdict::Granted;
    term_->due.insert(node);
  };
  TableLocks::Asked asked = term_->table.ask(
      {lock.wanted.name},
      lock.wanted.is_shared ? TableLocks::Mode::Readers : TableLocks::Mode::Exclusive, granted,
      own(node, lock.wanted.owner));
  using enum Lock::Verdict;
  if (asked.hold) {
    lock.hold = std::move(asked.hold);
    lock.verdict = Granted;
  } else if (!lock.wanted.waits || lock.wanted.is_held) {
    lock.verdict = Refused;
  } else if (asked.is_deadlock) {
    lock.verdict = Deadlocked;
  } else {
    lock.place = std::move(asked.place);
    return;
  }
  term_->due.insert(node);
}

void LockKeeper::release(NodeId node, Client& client, uint64_t id) {
  const auto found = client.locks.find(id);
  if (found == client.locks.end()) return;
  const std::pair<NodeId, uint64_t> owner{node, found->second.wanted.owner};
  // The lock is removed from the map first, because its release grants locks of other requests.
  auto lock = client.locks.extract(found);
  const bool was_queued = lock.mapped().is_queued;
  lock = {};
  if (!was_queued) return;
  const auto owned = term_->owners.find(owner);
  assert(owned != term_->owners.end() && owned->second > 0);
  if (--owned->second == 0) term_->owners.erase(owned);
}

void LockKeeper::drop(NodeId node) {
  const auto found = term_->clients.find(node);
  size_t held = 0;
  for (const auto& [id, lock] : found->second.locks) held += lock.hold != nullptr;
  if (held > 0)
    log_info("locks of a node that has ended or is cut off are released node={} locks={}",
             node.value(), held);
  while (!found->second.locks.empty())
    release(node, found->second, found->second.locks.begin()->first);
  term_->clients.erase(node);
  term_->due.erase(node);
}

void LockKeeper::answer(NodeId node, bool needs_all) {
  const Client& client = term_->clients.at(node);
  LocksGranted granted{term_->epoch, client.version, client.sent_us, needs_all};
  for (const uint64_t id : client.pending) {
    const auto found = client.locks.find(id);
    if (found == client.locks.end()) continue;
    using enum Lock::Verdict;
    switch (found->second.verdict) {
      case Granted:
        granted.granted.push_back(id);
        break;
      case Refused:
        granted.refused.push_back(id);
        break;
      case Deadlocked:
        granted.deadlocked.push_back(id);
        break;
      case None:
        break;
    }
  }
  around_.send(node, std::move(granted));
}

void LockKeeper::answer_due() {
  if (!around_.is_confirmed()) return;
  for (const NodeId node : std::exchange(term_->due, {}))
    if (term_->clients.contains(node)) answer(node, false);
}

}  // namespace server
