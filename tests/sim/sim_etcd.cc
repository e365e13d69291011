#include "tests/sim/sim_etcd.h"

#include <utility>

namespace sim {

using storage::EtcdEntry;
using storage::EtcdEvents;
using storage::EtcdFound;
using storage::EtcdOutcome;
using storage::EtcdRange;
using storage::EtcdTransaction;

namespace {

// A client stops waiting for an answer after this time.
constexpr int64_t kTimeoutUs = 300'000;

Error lost() { return {ErrorCode::NetworkFailure, "etcd does not answer"}; }

bool is_in(const EtcdRange& range, const std::string& key) {
  return range.first <= key && key < range.end;
}

}  // namespace

// --- The store

EtcdFound SimEtcd::find(const EtcdRange& range) const {
  EtcdFound found{{}, revision_};
  for (auto each = entries_.lower_bound(range.first);
       each != entries_.end() && each->first < range.end; ++each)
    found.entries.push_back(each->second.entry);
  return found;
}

EtcdOutcome SimEtcd::commit(NodeId asker, const EtcdTransaction& transaction) {
  for (const auto& condition : transaction.conditions) {
    const auto found = entries_.find(condition.key);
    const EtcdRevision created =
        found == entries_.end() ? EtcdRevision{0} : found->second.entry.created;
    if (created != condition.revision) return {false, revision_};
  }
  for (const auto& condition : transaction.unchanged) {
    const auto found = entries_.find(condition.key);
    const EtcdRevision modified =
        found == entries_.end() ? EtcdRevision{0} : found->second.entry.modified;
    if (modified != condition.revision) return {false, revision_};
  }
  for (const auto& put : transaction.puts)
    if (put.lease != EtcdLease{} && !leases_.contains(put.lease)) return {false, revision_};
  if (about_to_commit_) about_to_commit_(asker, transaction);
  ++revision_;
  EtcdEvents events{{}, revision_};
  for (const auto& each : transaction.puts) put(each, events);
  for (const EtcdRange& range : transaction.removals)
    for (const EtcdEntry& entry : find(range).entries) remove(entry.key, events);
  publish(events);
  if (committed_) committed_(asker, transaction);
  return {true, revision_};
}

void SimEtcd::put(const EtcdTransaction::Put& put, EtcdEvents& events) {
  Stored& stored = entries_[put.key];
  if (stored.entry.created == EtcdRevision{0}) stored.entry.created = revision_;
  stored.entry.key = put.key;
  stored.entry.value = put.value;
  stored.entry.modified = revision_;
  stored.entry.lease = put.lease;
  stored.lease = put.lease;
  events.events.push_back({put.key, stored.entry});
}

void SimEtcd::remove(const std::string& key, EtcdEvents& events) {
  if (entries_.erase(key) > 0) events.events.push_back({key, std::nullopt});
}

void SimEtcd::publish(const EtcdEvents& events) {
  history_[events.revision] = events;
  for (auto& [number, watcher] : watchers_) {
    EtcdEvents seen{{}, events.revision};
    for (const auto& event : events.events)
      if (is_in(watcher.range, event.key)) seen.events.push_back(event);
    if (!seen.events.empty()) watcher.tell(std::move(seen));
  }
}

void SimEtcd::end_lease_if_due(EtcdLease lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;
  if (queue_.now_us() < found->second.ends_us) {
    queue_.at(found->second.ends_us, [this, lease] { end_lease_if_due(lease); });
    return;
  }
  leases_.erase(found);
  ++revision_;
  EtcdEvents events{{}, revision_};
  std::vector<std::string> keys;
  for (const auto& [key, stored] : entries_)
    if (stored.lease == lease) keys.push_back(key);
  for (const std::string& key : keys) remove(key, events);
  publish(events);
}

Result<EtcdRevision> SimEtcd::compact(EtcdRevision revision) {
  if (revision <= compacted_ || revision > revision_)
    return Error{ErrorCode::OffsetOutOfRange, "the revision was compacted or does not exist yet"};
  compacted_ = revision;
  history_.erase(history_.begin(), history_.upper_bound(revision));
  return revision;
}

std::optional<uint64_t> SimEtcd::add_watcher(EtcdRevision first, Watcher watcher) {
  if (first <= compacted_) {
    watcher.tell(Error{ErrorCode::OffsetOutOfRange, "the requested revision was compacted"});
    return std::nullopt;
  }
  for (auto each = history_.lower_bound(first); each != history_.end(); ++each) {
    EtcdEvents seen{{}, each->first};
    for (const auto& event : each->second.events)
      if (is_in(watcher.range, event.key)) seen.events.push_back(event);
    if (!seen.events.empty()) watcher.tell(std::move(seen));
  }
  watchers_.emplace(next_watcher_, std::move(watcher));
  return next_watcher_++;
}

void SimEtcd::cut(NodeId node, bool is_cut) {
  is_cut_[node] = is_cut;
  if (!is_cut) return;
  // A connection that breaks ends its watches.
  for (auto each = watchers_.begin(); each != watchers_.end();) {
    if (each->second.node != node) {
      ++each;
      continue;
    }
    auto tell = std::move(each->second.tell);
    each = watchers_.erase(each);
    tell(lost());
  }
}

// --- The client of a node, whose requests and answers may be lost

class SimEtcdClient final : public EtcdClient {
 public:
  SimEtcdClient(SimEtcd& etcd, NodeId node, SimEtcd::Caller caller)
      : etcd_(etcd), node_(node), caller_(std::move(caller)) {}

  void commit(EtcdTransaction transaction, Answer<EtcdOutcome> answer) override {
    for (const auto& put : transaction.puts)
      etcd_.first_asked_us_.try_emplace(put.value, etcd_.queue_.now_us());
    ask<EtcdOutcome>([&etcd = etcd_, node = node_, transaction = std::move(transaction)]()
                         -> Result<EtcdOutcome> { return etcd.commit(node, transaction); },
                     std::move(answer));
  }
  void find(EtcdRange range, Answer<EtcdFound> answer) override {
    ask<EtcdFound>([&etcd = etcd_,
                    range = std::move(range)]() -> Result<EtcdFound> { return etcd.find(range); },
                   std::move(answer));
  }
  void find_first(EtcdRange range, Answer<EtcdFound> answer) override {
    ask<EtcdFound>(
        [&etcd = etcd_, range = std::move(range)]() -> Result<EtcdFound> {
          EtcdFound found = etcd.find(range);
          if (found.entries.size() > 1) found.entries.resize(1);
          return found;
        },
        std::move(answer));
  }
  void compact(EtcdRevision revision, Answer<EtcdRevision> answer) override {
    ask<EtcdRevision>([&etcd = etcd_, revision] { return etcd.compact(revision); },
                      std::move(answer));
  }
  void grant_lease(int64_t ttl_ms, Answer<EtcdLease> answer) override {
    ask<EtcdLease>(
        [&etcd = etcd_, ttl_ms]() -> Result<EtcdLease> {
          const EtcdLease lease{etcd.next_lease_++};
          etcd.leases_[lease] = {ttl_ms * 1000, etcd.queue_.now_us() + ttl_ms * 1000};
          etcd.end_lease_if_due(lease);
          return lease;
        },
        std::move(answer));
  }
  void keep_alive(EtcdLease lease, Answer<EtcdLease> answer) override {
    ask<EtcdLease>(
        [&etcd = etcd_, lease]() -> Result<EtcdLease> {
          const auto found = etcd.leases_.find(lease);
          if (found == etcd.leases_.end())
            return Error{ErrorCode::OffsetOutOfRange, "the lease does not exist"};
          found->second.ends_us = etcd.queue_.now_us() + found->second.ttl_us;
          return lease;
        },
        std::move(answer));
  }
  class SimWatch final : public Watch {
   public:
    SimWatch(SimEtcd& etcd, std::shared_ptr<uint64_t> number)
        : etcd_(etcd), number_(std::move(number)) {}
    ~SimWatch() override {
      etcd_.watchers_.erase(*number_);
      *number_ = 0;
    }

   private:
    SimEtcd& etcd_;
    const std::shared_ptr<uint64_t> number_;
  };

  // Events arrive in their order, as on one connection.
  std::unique_ptr<Watch> watch(EtcdRange range, EtcdRevision first,
                               std::function<void(Result<EtcdEvents>)> tell) override {
    auto number =
        std::make_shared<uint64_t>(UINT64_MAX);  // UINT64_MAX: not known yet; 0: cancelled
    auto last_us = std::make_shared<int64_t>(0);
    const auto way = [&etcd = etcd_, caller = caller_, number, last_us,
                      tell = std::move(tell)](Result<EtcdEvents> events) {
      *last_us = std::max(*last_us, etcd.queue_.now_us() + etcd.chance_.delay_us(etcd.latency_us_));
      etcd.queue_.at(*last_us, [number, tell, caller, events = std::move(events)] {
        if (!caller.is_alive()) return;
        caller.run([number, tell, events] {
          if (*number != 0) tell(events);
        });
      });
    };
    if (is_cut()) {
      way(lost());
    } else if (const auto added = etcd_.add_watcher(first, {std::move(range), way, node_})) {
      *number = *added;
    }
    return std::make_unique<SimWatch>(etcd_, number);
  }

 private:
  bool is_cut() const {
    const auto found = etcd_.is_cut_.find(node_);
    return found != etcd_.is_cut_.end() && found->second;
  }
  int64_t delay() { return etcd_.chance_.delay_us(etcd_.latency_us_); }

  // The request travels, is executed, and its answer travels back. The request or the answer may be lost, and a late
  // request may be executed after the caller has given up.
  template <class T>
  void ask(std::function<Result<T>()> happen, Answer<T> answer) {
    const bool request_lost = is_cut() || etcd_.chance_.with(etcd_.loss_);
    const bool answer_lost = etcd_.chance_.with(etcd_.loss_);
    const int64_t there_us = delay(), back_us = delay();
    auto is_answered = std::make_shared<bool>(false);
    const auto deliver = [is_answered, answer = std::move(answer),
                          caller = caller_](Result<T> result) {
      if (std::exchange(*is_answered, true) || !caller.is_alive()) return;
      caller.run([answer, result = std::move(result)] { answer(result); });
    };
    SimEtcd& etcd = etcd_;
    if (!request_lost)
      etcd.queue_.after(there_us, [&etcd, happen, deliver, answer_lost, back_us, node = node_] {
        Result<T> result = happen();
        const auto cut = etcd.is_cut_.find(node);
        if (answer_lost || (cut != etcd.is_cut_.end() && cut->second)) return;
        etcd.queue_.after(back_us, [deliver, result = std::move(result)] { deliver(result); });
      });
    etcd.queue_.after(kTimeoutUs, [deliver] { deliver(lost()); });
  }

  SimEtcd& etcd_;
  const NodeId node_;
  const SimEtcd::Caller caller_;
};

std::unique_ptr<EtcdClient> SimEtcd::connect(NodeId node, Caller caller) {
  return std::make_unique<SimEtcdClient>(*this, node, std::move(caller));
}

}  // namespace sim
