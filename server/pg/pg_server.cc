#include "server/pg/pg_server.h"

#include <sys/random.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/log.h"

namespace server::pg {

namespace {

int32_t random_secret() {
  int32_t secret = 0;
  // A call of getrandom() for up to 256 bytes returns all of them, or fails for a lasting reason
  // (getrandom(2)).
  if (getrandom(&secret, sizeof secret, 0) != sizeof secret)
    log_error("no randomness from the system");
  return secret;
}

// The sessions of all loops, by the key that a CancelRequest names. Threads: any. Shared with tasks
// that are posted to the loops.
class SessionRegistry final : public SessionPeers,
                              public std::enable_shared_from_this<SessionRegistry> {
 public:
  SessionRegistry(NamedLocks& locks, NotifyNodes notify_nodes, std::optional<int32_t> node)
      : notifications_(std::make_shared<Notifications>(std::move(notify_nodes))),
        locks_(locks),
        first_process_id_(node.value_or(0) % kMostNodes * kSessionsOfNode) {}

  // Returns the number and the secret of a new session. No other live session of any node has the
  // number.
  SessionKey new_key() {
    const std::lock_guard lock(mutex_);
    do last_session_ = last_session_ % (kSessionsOfNode - 1) + 1;
    while (sessions_.contains(first_process_id_ + last_session_));
    return {first_process_id_ + last_session_, random_secret()};
  }

  void add(SessionKey key, Session& session, Loop& loop) {
    std::lock_guard lock(mutex_);
    sessions_[key.process_id] = {key.secret, &session, &loop, session.status()};
  }
  void remove(SessionKey key) {
    std::lock_guard lock(mutex_);
    sessions_.erase(key.process_id);
  }
  void cancel_session(SessionKey key) override {
    on_its_loop(key, [](Session& session) { session.cancel(); });
  }
  std::shared_ptr<Notifications> notifications() override { return notifications_; }
  NamedLocks& locks() override { return locks_; }
  std::vector<SessionStatus> statuses() const override {
    std::vector<SessionStatus> all;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [number, entry] : sessions_)
        if (auto status = entry.status->read()) all.push_back(*std::move(status));
    }
    std::ranges::sort(all, {}, &SessionStatus::process_id);
    return all;
  }
  void end_session(int32_t process_id, SessionEnd what) override {
    SessionKey key{process_id, 0};
    {
      const std::lock_guard lock(mutex_);
      const auto found = sessions_.find(process_id);
      if (found == sessions_.end()) return;
      key.secret = found->second.secret;
    }
    if (what == SessionEnd::Statement) return cancel_session(key);
    on_its_loop(key, [](Session& session) { session.terminate(); });
  }
  std::function<void()> waker_of(SessionKey key) override {
    return [weak = weak_from_this(), key] {
      if (const auto self = weak.lock())
        self->on_its_loop(key, [](Session& session) { session.wake(); });
    };
  }

 private:
  struct Entry {
    int32_t secret = 0;
    Session* session = nullptr;
    Loop* loop = nullptr;
    std::shared_ptr<StatusCell> status = {};
  };
  void on_its_loop(SessionKey key, void (*call)(Session&)) {
    const Entry found = find(key);
    if (found.session)
      found.loop->post([self = shared_from_this(), key, call] {
        // The session may have ended in the meantime. On its own loop it cannot end during the
        // call.
        if (const Entry entry = self->find(key); entry.session) call(*entry.session);
      });
  }
  Entry find(SessionKey key) const {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(key.process_id);
    if (found == sessions_.end() || found->second.secret != key.secret) return {};
    return found->second;
  }

  // The number of a session has the number of its node in the upper bits, so that session numbers
  // are unique in the cluster: behind a load balancer, pg_terminate_backend() may run on another
  // node, where it must not end another user's session.
  static constexpr int32_t kSessionsOfNode = 1 << 20, kMostNodes = 1 << 11;

  const std::shared_ptr<Notifications> notifications_;
  NamedLocks& locks_;
  const int32_t first_process_id_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  int32_t last_session_ = 0;
  std::unordered_map<int32_t, Entry> sessions_;
};

// A session that others can find and cancel as long as it exists.
class RegisteredSession final : public Session {
 public:
  RegisteredSession(const std::shared_ptr<SessionRegistry>& registry, Loop& loop,
                    sql::Backend& backend, SessionHost& host, const Clock& clock, SessionKey key,
                    const SessionLimits& limits, MemoryAccount* memory,
                    const SessionSecurity& security, std::string_view peer)
      : Session(backend, host, *registry, clock, key, limits, memory, security),
        registry_(registry),
        key_(key) {
    status()->set_peer(peer);
    registry_->add(key, *this, loop);
  }
  ~RegisteredSession() override { registry_->remove(key_); }

 private:
  const std::shared_ptr<SessionRegistry> registry_;  // shared with all sessions
  const SessionKey key_;
};

// Runs a script for another front end, which is the host of its session.
class RunningScript final : public sql::ScriptSession, private SessionHost {
 public:
  RunningScript(std::function<void()> wake, const sql::ScriptRequest& request)
      : wake_(std::move(wake)), request_(request) {}

  Status begin(const std::shared_ptr<SessionRegistry>& registry, Loop& loop, sql::Backend& backend,
               const Clock& clock, SessionKey key, const SessionLimits& limits,
               const auth::Access* access, sql::AnswerForm& form) {
    session_.emplace(registry, loop, backend, static_cast<SessionHost&>(*this), clock, key, limits,
                     request_.memory, SessionSecurity{access}, request_.peer);
    return session_->begin_script(request_, form);
  }

  void run() override { session_->run(); }
  std::string take_output() override { return session_->take_output(); }
  void set_output_full(bool is_full) override { session_->set_output_full(is_full); }
  std::optional<int64_t> deadline_us() const override { return session_->deadline_us(); }
  bool is_over() const override { return session_->is_over(); }
  bool has_caught_up() const override { return session_->has_caught_up(); }
  void shut_down(Error reason) override { session_->shut_down(std::move(reason)); }

 private:
  void wake() override { wake_(); }

  const std::function<void()> wake_;
  const sql::ScriptRequest request_;
  // The last member, so it is destroyed first: the session refers to all other members.
  std::optional<RegisteredSession> session_;
};

}  // namespace

struct PgServer::Impl final : ClientProtocol {
  Impl(const std::vector<Shard>& all, const PgServerOptions& with, const Clock& time)
      : shards(all), options(with), clock(time) {}

  std::string_view name() const override { return "pg"; }

  std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
    const Shard& shard = shards[client.shard];
    const SessionKey key = sessions->new_key();
    return std::make_unique<RegisteredSession>(
        sessions, *shard.loop, *shard.backend, client.host, clock, key, options.limits,
        &client.memory, SessionSecurity{options.access, &client.channel, &is_reserved},
        client.connection.peer());
  }

  const std::vector<Shard> shards;
  const PgServerOptions options;
  const Clock& clock;
  const std::function<bool()> is_reserved = [this] {
    return front_end->connection_count() + options.superuser_reserved_connections >
           options.front_end.max_connections;
  };
  LocalLocks own_locks;
  const std::shared_ptr<SessionRegistry> sessions = std::make_shared<SessionRegistry>(
      options.locks != nullptr ? *options.locks : own_locks, options.notify_nodes, options.node);
  std::unique_ptr<FrontEnd> front_end;
};

PgServer::PgServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PgServer::~PgServer() = default;

Result<std::unique_ptr<PgServer>> PgServer::open(const std::vector<Shard>& shards,
                                                 const PgServerOptions& options,
                                                 MemoryBudget& memory, const Clock& clock) {
  auto impl = std::make_unique<Impl>(shards, options, clock);
  std::vector<Loop*> loops;
  for (const Shard& shard : shards) loops.push_back(shard.loop);
  impl->front_end = TRY(FrontEnd::open(loops, options.front_end, *impl, memory, clock));
  return std::unique_ptr<PgServer>(new PgServer(std::move(impl)));
}

Result<std::unique_ptr<sql::ScriptSession>> PgServer::open_script(size_t shard,
                                                                  std::function<void()> wake,
                                                                  const sql::ScriptRequest& request,
                                                                  sql::AnswerForm& form) {
  const Shard& own = impl_->shards[shard];
  const SessionKey key = impl_->sessions->new_key();
  auto script = std::make_unique<RunningScript>(std::move(wake), request);
  TRY(script->begin(impl_->sessions, *own.loop, *own.backend, impl_->clock, key,
                    impl_->options.limits, impl_->options.access, form));
  return std::unique_ptr<sql::ScriptSession>(std::move(script));
}

const Address& PgServer::address() const { return impl_->front_end->address(); }
size_t PgServer::connection_count() const { return impl_->front_end->connection_count(); }
std::shared_ptr<Notifications> PgServer::notifications() const {
  return impl_->sessions->notifications();
}
void PgServer::stop(Task on_stopped) { impl_->front_end->stop(std::move(on_stopped)); }

}  // namespace server::pg
