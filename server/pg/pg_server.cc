#include "server/pg/pg_server.h"

#include <sys/random.h>

#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "server/net/connection.h"
#include "server/net/listener.h"

namespace server::pg {

namespace {

// A client that was told of its end gets this long to read it.
constexpr int64_t kCloseTimeoutMs = 2000;

int32_t random_secret() {
  int32_t secret = 0;
  // Up to 256 bytes getrandom gives all or fails for good (getrandom(2)).
  if (getrandom(&secret, sizeof secret, 0) != sizeof secret)
    log_error("no randomness from the system");
  return secret;
}

class ShardState;

// Which session a CancelRequest means. Threads: any.
class CancelRegistry {
 public:
  void add(SessionKey key, std::weak_ptr<ShardState> shard) {
    std::lock_guard lock(mutex_);
    sessions_[key.process_id] = {key.secret, std::move(shard)};
  }
  void remove(int32_t process_id) {
    std::lock_guard lock(mutex_);
    sessions_.erase(process_id);
  }
  std::shared_ptr<ShardState> find(SessionKey key) const {
    std::lock_guard lock(mutex_);
    const auto found = sessions_.find(key.process_id);
    if (found == sessions_.end() || found->second.secret != key.secret) return nullptr;
    return found->second.shard.lock();
  }

 private:
  struct Entry {
    int32_t secret;
    std::weak_ptr<ShardState> shard;
  };
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::unordered_map<int32_t, Entry> sessions_;
};

// What all shards share.
struct Shared {
  const Clock& clock;
  const PgServerOptions options;
  CancelRegistry cancels = {};
  std::atomic<size_t> connection_count = 0;
  std::atomic<bool> is_stopping = false;
  std::atomic<int32_t> last_process_id = 0;
  Task on_last_closed = {};  // set before is_stopping is

  void release_connection() {
    if (--connection_count == 0 && is_stopping) on_last_closed();
  }
};

class ClientConnection;

// The connections of one loop. Threads: its loop's.
class ShardState : public std::enable_shared_from_this<ShardState> {
 public:
  ShardState(Loop& on, sql::Backend& asked, Shared& all) : loop(on), backend(asked), shared(all) {}

  void accept(Socket socket);
  void remove(int32_t process_id);
  void cancel(int32_t process_id);
  void shut_down();
  // Runs the session soon, if it is still there.
  void pump_soon(int32_t process_id);
  void clear() { connections_.clear(); }

  Loop& loop;
  sql::Backend& backend;
  Shared& shared;

 private:
  std::map<int32_t, std::unique_ptr<ClientConnection>> connections_;
};

// One socket and its session.
class ClientConnection final : private ConnectionHandler, private SessionHost {
 public:
  ClientConnection(ShardState& shard, Socket socket, SessionKey key)
      : shard_(shard),
        key_(key),
        connection_(shard.loop, std::move(socket), *this),
        session_(shard.backend, *this, shard.shared.clock, key, shard.shared.options.limits),
        timer_(shard.loop, [this] { pump(); }) {
    shard.shared.cancels.add(key, shard.weak_from_this());
    ++shard.shared.connection_count;
    timer_.start_once(shard.shared.options.limits.startup_timeout_ms);
  }
  ~ClientConnection() {
    shard_.shared.cancels.remove(key_.process_id);
    shard_.shared.release_connection();
  }
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  Session& session() { return session_; }

  void pump() {
    is_woken_ = false;
    if (is_closing_) return;
    session_.run();
    if (std::string output = session_.take_output(); !output.empty())
      connection_.write(std::move(output));
    session_.set_output_full(connection_.is_full());
    if (session_.is_over()) {
      is_closing_ = true;
      timer_.stop();
      connection_.close_when_sent(kCloseTimeoutMs);
      return;
    }
    if (session_.wants_input())
      connection_.resume_input();
    else
      connection_.pause_input();
    set_timer();
  }

 private:
  void on_input(std::string_view bytes) override {
    session_.receive(bytes);
    pump();
  }
  void on_drained() override {
    session_.set_output_full(false);
    pump();
  }
  void on_closed() override { shard_.remove(key_.process_id); }  // destroys this

  void wake() override {
    if (!std::exchange(is_woken_, true)) shard_.pump_soon(key_.process_id);
  }
  void cancel_session(SessionKey key) override {
    if (const std::shared_ptr<ShardState> shard = shard_.shared.cancels.find(key))
      shard->loop.post([shard, key] { shard->cancel(key.process_id); });
  }

  void set_timer() {
    const std::optional<int64_t> deadline_us = session_.deadline_us();
    if (!deadline_us) return timer_.stop();
    const int64_t left_us = *deadline_us - shard_.shared.clock.monotonic_us();
    timer_.start_once(left_us <= 0 ? 0 : left_us / 1000 + 1);
  }

  ShardState& shard_;
  const SessionKey key_;
  Connection connection_;
  Session session_;
  Timer timer_;
  bool is_woken_ = false, is_closing_ = false;
};

void ShardState::accept(Socket socket) {
  const SessionKey key{++shared.last_process_id, random_secret()};
  auto client = std::make_unique<ClientConnection>(*this, std::move(socket), key);
  ClientConnection& added = *(connections_[key.process_id] = std::move(client));
  if (shared.is_stopping)
    added.session().shut_down({ErrorCode::ShuttingDown, "the server is shutting down"});
  else if (shared.connection_count > shared.options.max_connections)
    added.session().shut_down({ErrorCode::TooManyConnections, "sorry, too many clients already"});
}

void ShardState::remove(int32_t process_id) { connections_.erase(process_id); }

void ShardState::cancel(int32_t process_id) {
  const auto found = connections_.find(process_id);
  if (found != connections_.end()) found->second->session().cancel();
}

void ShardState::shut_down() {
  for (const auto& [process_id, connection] : connections_)
    connection->session().shut_down(
        {ErrorCode::ShuttingDown, "terminating connection due to administrator command"});
}

void ShardState::pump_soon(int32_t process_id) {
  loop.defer([weak = weak_from_this(), process_id] {
    const std::shared_ptr<ShardState> self = weak.lock();
    if (!self) return;
    const auto found = self->connections_.find(process_id);
    if (found != self->connections_.end()) found->second->pump();
  });
}

}  // namespace

struct PgServer::Impl {
  explicit Impl(const PgServerOptions& options, const Clock& clock) : shared{clock, options} {}

  void deal_out(Socket socket) {
    const std::shared_ptr<ShardState>& shard = shards[next_shard++ % shards.size()];
    if (shard->loop.is_here()) return shard->accept(std::move(socket));
    // A task must be copyable, a socket must not.
    auto moved = std::make_shared<Socket>(std::move(socket));
    shard->loop.post([shard, moved] { shard->accept(std::move(*moved)); });
  }

  Shared shared;
  std::vector<std::shared_ptr<ShardState>> shards;
  size_t next_shard = 0;
  Address address;
  std::unique_ptr<Listener> listener;  // on the first shard's loop
};

PgServer::PgServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<PgServer>> PgServer::open(const std::vector<Shard>& shards,
                                                 const PgServerOptions& options,
                                                 const Clock& clock) {
  auto impl = std::make_unique<Impl>(options, clock);
  for (const Shard& shard : shards)
    impl->shards.push_back(std::make_shared<ShardState>(*shard.loop, *shard.backend, impl->shared));
  impl->listener =
      TRY(Listener::open(*shards.front().loop, options.address, [impl = impl.get()](Socket socket) {
        impl->deal_out(std::move(socket));
      }));
  impl->address = impl->listener->address();
  return std::unique_ptr<PgServer>(new PgServer(std::move(impl)));
}

PgServer::~PgServer() {
  impl_->listener.reset();
  impl_->shared.is_stopping = false;  // nobody is to be told any more
  for (const auto& shard : impl_->shards) shard->clear();
}

const Address& PgServer::address() const { return impl_->address; }
size_t PgServer::connection_count() const { return impl_->shared.connection_count; }

void PgServer::stop(Task on_stopped) {
  Loop& first = impl_->shards.front()->loop;
  first.post([impl = impl_.get(), &first, on_stopped = std::move(on_stopped)] {
    impl->listener.reset();
    // Each shard counts as one more connection until it has told its own: a socket that is on its
    // way to it comes before that.
    impl->shared.connection_count += impl->shards.size();
    impl->shared.on_last_closed = [&first, on_stopped] { first.post(on_stopped); };
    impl->shared.is_stopping = true;
    for (const auto& shard : impl->shards)
      shard->loop.post([shard] {
        shard->shut_down();
        shard->shared.release_connection();
      });
  });
}

}  // namespace server::pg
