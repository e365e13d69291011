#include "server/kafka/kafka_server.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/log.h"
#include "server/net/connection.h"
#include "server/net/listener.h"

namespace server::kafka {

namespace {

// A client that was refused gets this long to read what was sent before.
constexpr int64_t kCloseTimeoutMs = 2000;

bool is_any(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

// What all shards share.
struct Shared {
  const Clock& clock;
  KafkaServerOptions options;
  Address bound = {};
  std::atomic<size_t> connection_count = 0;

  NodeView node_seen_from(const Connection& connection) const {
    Address address = options.advertised.value_or(bound);
    if (!options.advertised && is_any(bound.host))
      if (std::optional<Address> local = connection.local()) address = *std::move(local);
    NodeView node = options.node;
    node.host = std::move(address.host);
    node.port = address.port;
    return node;
  }
};

class ClientConnection;

// The connections of one loop. Threads: its loop's, but for grown().
class ShardState : public std::enable_shared_from_this<ShardState> {
 public:
  ShardState(Loop& on, Backend& asked, Shared& all)
      : loop(on), backend(asked), shared(all), timer_(on, [this] { end_polls(); }) {}

  void accept(Socket socket);
  void remove(uint64_t id) { connections_.erase(id); }
  // Runs the session soon, if it is still there.
  void pump_soon(uint64_t id);
  void clear() { connections_.clear(); }
  void grown(std::span<const storage::TopicPartition> partitions);

  // Once a second at most: whoever sends nonsense must not fill the disk with our complaints.
  void warn_of_end(const std::string& peer, const std::string& reason);

  // Which connections a partition's growth concerns.
  void await(uint64_t id, const std::vector<storage::TopicPartition>& partitions);
  void forget(uint64_t id, const std::vector<storage::TopicPartition>& partitions);
  // Moves a connection's deadline; none: it has no more.
  void set_deadline(uint64_t id, std::optional<int64_t> before_us, std::optional<int64_t> now_us);

  Loop& loop;
  Backend& backend;
  Shared& shared;

 private:
  void take_grown();
  void end_polls();
  void set_timer();

  uint64_t last_id_ = 0, unwarned_ = 0;
  int64_t warned_us_ = INT64_MIN / 2;
  Timer timer_;           // for the first of the deadlines
  int64_t timer_us_ = 0;  // when it comes, if it runs
  bool is_ending_polls_ = false;
  std::set<std::pair<int64_t, uint64_t>> deadlines_;  // with the connections' ids
  std::map<uint64_t, std::unique_ptr<ClientConnection>> connections_;
  absl::flat_hash_map<storage::TopicPartition, std::vector<uint64_t>> waiting_;

  std::mutex grown_mutex_;
  // Guarded by grown_mutex_
  std::vector<storage::TopicPartition> grown_;
};

// One socket and its session.
class ClientConnection final : private ConnectionHandler, private SessionHost {
 public:
  ClientConnection(ShardState& shard, Socket socket, uint64_t id)
      : shard_(shard),
        id_(id),
        connection_(shard.loop, std::move(socket), *this),
        node_(shard.shared.node_seen_from(connection_)),
        session_(shard.backend, *this, shard.shared.clock, node_, shard.shared.options.limits) {
    ++shard.shared.connection_count;
  }
  ~ClientConnection() {
    stop_waiting();
    --shard_.shared.connection_count;
  }
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  void grown() {
    session_.grown();
    pump();
  }

  void pump() {
    is_woken_ = false;
    if (is_closing_) return;
    session_.run();
    if (std::string output = session_.take_output(); !output.empty())
      connection_.write(std::move(output));
    session_.set_output_full(connection_.is_full());
    if (session_.is_over()) {
      is_closing_ = true;
      if (!session_.end_reason().empty())
        shard_.warn_of_end(connection_.peer(), session_.end_reason());
      stop_waiting();
      connection_.close_when_sent(kCloseTimeoutMs);
      return;
    }
    if (session_.wants_input())
      connection_.resume_input();
    else
      connection_.pause_input();
    await();
  }

 private:
  void on_input(std::string_view bytes) override {
    session_.receive(bytes);
    pump();
    if (!is_closing_ && session_.is_inside_request()) connection_.acknowledge_now();
  }
  void on_drained() override {
    session_.set_output_full(false);
    pump();
  }
  void on_closed() override { shard_.remove(id_); }  // destroys this

  void wake() override {
    if (!std::exchange(is_woken_, true)) shard_.pump_soon(id_);
  }

  void await() {
    if (awaited_ != session_.awaited()) {
      shard_.forget(id_, awaited_);
      awaited_ = session_.awaited();
      shard_.await(id_, awaited_);
    }
    set_deadline(session_.deadline_us());
  }
  void stop_waiting() {
    shard_.forget(id_, awaited_);
    awaited_.clear();
    set_deadline(std::nullopt);
  }
  void set_deadline(std::optional<int64_t> deadline_us) {
    if (deadline_us == deadline_us_) return;
    shard_.set_deadline(id_, deadline_us_, deadline_us);
    deadline_us_ = deadline_us;
  }

  ShardState& shard_;
  const uint64_t id_;
  Connection connection_;
  const NodeView node_;
  Session session_;
  std::vector<storage::TopicPartition> awaited_;
  std::optional<int64_t> deadline_us_;
  bool is_woken_ = false, is_closing_ = false;
};

void ShardState::accept(Socket socket) {
  // The protocol has no word for this: the client sees the end, and tries again later.
  if (shared.connection_count >= shared.options.max_connections) return;
  const uint64_t id = ++last_id_;
  connections_[id] = std::make_unique<ClientConnection>(*this, std::move(socket), id);
}

void ShardState::pump_soon(uint64_t id) {
  loop.defer([weak = weak_from_this(), id] {
    const std::shared_ptr<ShardState> self = weak.lock();
    if (!self) return;
    const auto found = self->connections_.find(id);
    if (found != self->connections_.end()) found->second->pump();
  });
}

void ShardState::warn_of_end(const std::string& peer, const std::string& reason) {
  constexpr int64_t kPauseUs = 1'000'000;
  const int64_t now_us = shared.clock.monotonic_us();
  if (now_us - warned_us_ < kPauseUs) {
    ++unwarned_;
    return;
  }
  log_warn("kafka connection ended peer={} reason=\"{}\" others={}", peer, reason,
           std::exchange(unwarned_, 0));
  warned_us_ = now_us;
}

void ShardState::await(uint64_t id, const std::vector<storage::TopicPartition>& partitions) {
  for (const storage::TopicPartition& partition : partitions) waiting_[partition].push_back(id);
}

void ShardState::forget(uint64_t id, const std::vector<storage::TopicPartition>& partitions) {
  for (const storage::TopicPartition& partition : partitions) {
    const auto found = waiting_.find(partition);
    if (found == waiting_.end()) continue;
    std::erase(found->second, id);
    if (found->second.empty()) waiting_.erase(found);
  }
}

void ShardState::set_deadline(uint64_t id, std::optional<int64_t> before_us,
                              std::optional<int64_t> now_us) {
  if (before_us) deadlines_.erase({*before_us, id});
  if (now_us) deadlines_.emplace(*now_us, id);
  set_timer();
}

void ShardState::set_timer() {
  if (deadlines_.empty() || is_ending_polls_) return;
  const int64_t first_us = deadlines_.begin()->first;
  if (timer_.is_running() && timer_us_ <= first_us) return;  // when it comes it sees what is due
  timer_us_ = first_us;
  timer_.start_once(std::max<int64_t>(0, (first_us - shared.clock.monotonic_us()) / 1000 + 1));
}

void ShardState::end_polls() {
  const int64_t now_us = shared.clock.monotonic_us();
  std::vector<uint64_t> due;  // pumping them changes the deadlines
  for (const auto& [deadline_us, id] : deadlines_) {
    if (deadline_us > now_us) break;
    due.push_back(id);
  }
  is_ending_polls_ = true;
  for (const uint64_t id : due)
    if (const auto found = connections_.find(id); found != connections_.end())
      found->second->pump();
  is_ending_polls_ = false;
  set_timer();
}

void ShardState::grown(std::span<const storage::TopicPartition> partitions) {
  bool was_empty;
  {
    std::lock_guard lock(grown_mutex_);
    was_empty = grown_.empty();
    grown_.insert(grown_.end(), partitions.begin(), partitions.end());
  }
  if (was_empty)
    loop.post([weak = weak_from_this()] {
      if (const std::shared_ptr<ShardState> self = weak.lock()) self->take_grown();
    });
}

void ShardState::take_grown() {
  std::vector<storage::TopicPartition> grown;
  {
    std::lock_guard lock(grown_mutex_);
    grown.swap(grown_);
  }
  std::vector<uint64_t> concerned;
  for (const storage::TopicPartition& partition : grown)
    if (const auto found = waiting_.find(partition); found != waiting_.end())
      concerned.insert(concerned.end(), found->second.begin(), found->second.end());
  std::ranges::sort(concerned);
  concerned.erase(std::unique(concerned.begin(), concerned.end()), concerned.end());
  for (const uint64_t id : concerned)
    if (const auto found = connections_.find(id); found != connections_.end())
      found->second->grown();
}

}  // namespace

struct KafkaServer::Impl {
  Impl(KafkaServerOptions options, const Clock& clock) : shared{clock, std::move(options)} {}

  void deal_out(Socket socket) {
    const std::shared_ptr<ShardState>& shard = shards[next_shard++ % shards.size()];
    if (shard->loop.is_here()) return shard->accept(std::move(socket));
    // A task must be copyable, a socket must not.
    auto moved = std::make_shared<Socket>(std::move(socket));
    shard->loop.post([weak = std::weak_ptr(shard), moved] {
      if (const std::shared_ptr<ShardState> self = weak.lock()) self->accept(std::move(*moved));
    });
  }

  Shared shared;
  std::vector<std::shared_ptr<ShardState>> shards;  // shared with what is posted to their loops
  size_t next_shard = 0;
  std::unique_ptr<Listener> listener;  // on the first shard's loop
};

KafkaServer::KafkaServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<KafkaServer>> KafkaServer::open(const std::vector<Shard>& shards,
                                                       KafkaServerOptions options,
                                                       const Clock& clock) {
  const Address asked = options.address;
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  for (const Shard& shard : shards)
    impl->shards.push_back(std::make_shared<ShardState>(*shard.loop, *shard.backend, impl->shared));
  impl->listener =
      TRY(Listener::open(*shards.front().loop, asked, [impl = impl.get()](Socket socket) {
        impl->deal_out(std::move(socket));
      }));
  impl->shared.bound = impl->listener->address();
  return std::unique_ptr<KafkaServer>(new KafkaServer(std::move(impl)));
}

KafkaServer::~KafkaServer() {
  impl_->listener.reset();
  for (const auto& shard : impl_->shards) shard->clear();
}

const Address& KafkaServer::address() const { return impl_->shared.bound; }

void KafkaServer::grown(std::span<const storage::TopicPartition> partitions) {
  for (const auto& shard : impl_->shards) shard->grown(partitions);
}

}  // namespace server::kafka
