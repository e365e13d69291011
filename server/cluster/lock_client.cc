#include "server/cluster/lock_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/meta/shared_sessions_level.h"

namespace server {

namespace {

constexpr int64_t kRenewUs = 1'000'000, kRepeatUs = 300'000;
// A request fails if no controller has answered for this time.
constexpr int64_t kLockPatienceUs = 10'000'000;

Error no_decision() {
  return {ErrorCode::NotLeader,
          "the lock cannot be taken, because the cluster's controller does not answer",
          "The controller grants the locks of all nodes.",
          "Try again when SHOW CLUSTER shows most of the nodes as alive."};
}

Error needs_level() {
  return {
      ErrorCode::NotSupported,
      fmt::format("locks of all nodes need feature level {}, and the cluster is at an earlier one",
                  storage::kSharedSessionsLevel.value()),
      {},
      "When all nodes run a program that supports it, run millrace cluster upgrade."};
}

}  // namespace

struct LockClient::State : std::enable_shared_from_this<LockClient::State> {
  // A requested lock. It is shared with the request's Waiting object and, once granted, with the
  // session's hold.
  struct Entry {
    uint64_t id = 0;
    Request request;
    Answered answered;  // empty once it was called
    bool is_held = false;
    uint64_t added_at = 0;  // value of `version` when the request was added
    int64_t asked_us = 0;
    std::atomic<bool> is_lost = false, is_withdrawn = false;
  };

  // Withdraws the request unless the lock was already granted. A granted lock is released by its
  // hold.
  class Waiting {
   public:
    Waiting(std::shared_ptr<State> state, std::shared_ptr<Entry> entry)
        : state_(std::move(state)), entry_(std::move(entry)) {}
    ~Waiting() {
      entry_->is_withdrawn = true;
      state_->post([id = entry_->id](State& state) { state.withdraw(id); });
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    const std::shared_ptr<State> state_;
    const std::shared_ptr<Entry> entry_;
  };

  class ClusterHold final : public Hold {
   public:
    ClusterHold(std::shared_ptr<State> state, std::shared_ptr<Entry> entry)
        : state_(std::move(state)), entry_(std::move(entry)) {}
    ~ClusterHold() override {
      state_->post([id = entry_->id](State& state) { state.remove(id); });
    }
    // The lease may have ended, although the loop has not marked the lock as lost yet.
    bool is_lost() const override { return entry_->is_lost || state_->is_lease_over(); }

   private:
    const std::shared_ptr<State> state_;
    const std::shared_ptr<Entry> entry_;
  };

  explicit State(Around with) : around(std::move(with)) {}

  // Runs the function on the loop, unless the client is destroyed by then.
  void post(std::function<void(State&)> work) {
    if (is_closed) return;
    around.post([self = shared_from_this(), work = std::move(work)] {
      if (!self->is_closed) work(*self);
    });
  }
  bool is_lease_over() const { return is_closed || around.clock.monotonic_us() > lease_until_us; }

  void add(std::shared_ptr<Entry> entry) {
    if (entry->is_withdrawn) return;
    if (!around.is_supported()) return answer(*entry, needs_level());
    entry->added_at = ++version;
    entry->asked_us = around.clock.monotonic_us();
    entries.emplace(entry->id, std::move(entry));
    send_changes();
  }
  void withdraw(uint64_t id) {
    const auto found = entries.find(id);
    if (found != entries.end() && !found->second->is_held) remove(id);
  }
  void remove(uint64_t id) {
    if (entries.erase(id) == 0) return;
    removed[id] = ++version;
    send_changes();
  }

  static void answer(Entry& entry, Result<HoldPtr> result) {
    const Answered done = std::exchange(entry.answered, nullptr);
    if (done) done(std::move(result));
  }

  // Marks the held locks as lost if this node's lease for them is over.
  void expire() {
    if (around.clock.monotonic_us() <= lease_until_us) return;
    std::vector<std::shared_ptr<Entry>> lost;
    for (const auto& [id, entry] : entries)
      if (entry->is_held) lost.push_back(entry);
    if (lost.empty()) return;
    log_warn("no controller has answered for long, so locks of sessions are lost locks={}",
             lost.size());
    for (const auto& entry : lost) lose(*entry);
  }
  // Marks the lock as lost, and reports it to the controller as released. The session keeps its
  // hold object, which stays lost.
  void lose(Entry& entry) {
    entry.is_lost = true;
    removed[entry.id] = ++version;
    entries.erase(entry.id);
    if (entry.request.on_lost) entry.request.on_lost();
  }

  void send_changes() {
    expire();
    const auto process = around.process();
    if (!controller || !process || !around.is_supported()) return;
    LocksWanted message{.process = *process,
                        .base = acknowledged,
                        .version = version,
                        .sent_us = around.clock.monotonic_us()};
    for (const auto& [id, entry] : entries) {
      if (entry->added_at > acknowledged)
        message.added.push_back({id, reinterpret_cast<uintptr_t>(entry->request.owner),
                                 entry->request.name, entry->request.is_shared,
                                 entry->request.waits, entry->is_held});
      if (!entry->is_held) message.pending.push_back(id);
    }
    if (acknowledged > 0)
      for (const auto& [id, at] : removed)
        if (at > acknowledged) message.removed.push_back(id);
    sent_at_us = message.sent_us;
    around.send(controller->node, std::move(message));
  }

  void on_message(NodeId from, const LocksGranted& message) {
    expire();
    if (!controller || from != controller->node || message.controller_epoch != controller->epoch)
      return;
    if (message.needs_all) {
      acknowledged = 0;
      return send_changes();
    }
    const int64_t now_us = around.clock.monotonic_us();
    answered_us = now_us;
    acknowledged = std::max(acknowledged, message.version);
    std::erase_if(removed, [&](const auto& each) { return each.second <= acknowledged; });
    call_released();
    lease_until_us = std::max<int64_t>(lease_until_us, message.sent_us + kLockLeaseUs);
    // A decision that arrives after the lease has ended may be obsolete. The controller repeats it
    // in its next answer.
    if (now_us > lease_until_us) return;
    for (const uint64_t id : message.granted) grant(id);
    for (const uint64_t id : message.refused) refuse(id, HoldPtr());
    for (const uint64_t id : message.deadlocked)
      refuse(id, Error{ErrorCode::Deadlock, "deadlock detected"});
    if (!message.refused.empty() || !message.deadlocked.empty()) send_changes();
  }

  void grant(uint64_t id) {
    const auto found = entries.find(id);
    if (found == entries.end() || found->second->is_held) return;
    const std::shared_ptr<Entry> entry = found->second;
    entry->is_held = true;
    answer(*entry, HoldPtr(std::make_shared<ClusterHold>(shared_from_this(), entry)));
  }
  void refuse(uint64_t id, Result<HoldPtr> result) {
    const auto found = entries.find(id);
    if (found == entries.end()) return;
    const std::shared_ptr<Entry> entry = found->second;
    if (entry->is_held) return lose(*entry);  // a new controller that did not acknowledge the lock
    removed[id] = ++version;
    entries.erase(found);
    answer(*entry, std::move(result));
  }

  // Calls back once the releases are acknowledged. Also calls back if no controller has answered in
  // time.
  void await_releases(std::function<void()> done) {
    if (removed.empty()) return done();
    releases.push_back({version, around.clock.monotonic_us() + kLockPatienceUs, std::move(done)});
  }
  void call_released() {
    const int64_t now_us = around.clock.monotonic_us();
    std::vector<std::function<void()>> due;
    std::erase_if(releases, [&](Release& each) {
      if (acknowledged < each.version && now_us < each.until_us) return false;
      due.push_back(std::move(each.done));
      return true;
    });
    for (const auto& done : due) done();
  }

  void tick() {
    expire();
    call_released();
    const int64_t now_us = around.clock.monotonic_us();
    std::vector<uint64_t> late;
    for (const auto& [id, entry] : entries)
      if (!entry->is_held && now_us - std::max(entry->asked_us, answered_us) > kLockPatienceUs)
        late.push_back(id);
    for (const uint64_t id : late) refuse(id, no_decision());
    const bool is_acknowledged = acknowledged == version;
    if (is_acknowledged && entries.empty()) return;
    if (now_us - sent_at_us >= (is_acknowledged ? kRenewUs : kRepeatUs)) send_changes();
  }

  const Around around;
  std::atomic<bool> is_closed = false;
  std::atomic<int64_t> lease_until_us = 0;
  std::atomic<uint64_t> last_id = 0;
  // --- Members that are used only on the loop
  std::optional<Controller> controller;
  std::map<uint64_t, std::shared_ptr<Entry>> entries;  // entries by the id of the request
  std::map<uint64_t, uint64_t> removed;                // id to the version that removed it
  struct Release {
    uint64_t version;
    int64_t until_us;
    std::function<void()> done;
  };
  std::vector<Release> releases;  // callers of await_releases()
  // The version 1 is the state without locks, which is reported to each new controller.
  uint64_t version = 1, acknowledged = 0;
  int64_t sent_at_us = 0, answered_us = 0;
};

LockClient::LockClient(Around around) : state_(std::make_shared<State>(std::move(around))) {}
LockClient::~LockClient() { state_->is_closed = true; }

NamedLocks::Place LockClient::ask(Request request, Answered answered) {
  auto entry = std::make_shared<State::Entry>();
  entry->id = ++state_->last_id;
  entry->request = std::move(request);
  entry->answered = std::move(answered);
  auto place = std::make_shared<State::Waiting>(state_, entry);
  state_->post([entry = std::move(entry)](State& state) { state.add(entry); });
  return place;
}

void LockClient::await_releases(std::function<void()> done) {
  state_->post(
      [done = std::move(done)](State& state) mutable { state.await_releases(std::move(done)); });
}

void LockClient::controller_changed(std::optional<Controller> controller) {
  if (controller == state_->controller) return;
  state_->controller = controller;
  state_->acknowledged = 0;
  state_->removed.clear();
  state_->send_changes();
}

void LockClient::on_connected(NodeId node) {
  if (state_->controller && state_->controller->node == node) state_->send_changes();
}

void LockClient::on_message(NodeId from, const LocksGranted& message) {
  state_->on_message(from, message);
}

void LockClient::tick() { state_->tick(); }

}  // namespace server
