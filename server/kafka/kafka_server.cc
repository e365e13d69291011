#include "server/kafka/kafka_server.h"

#include <utility>

#include "base/bytes.h"
#include "base/uuid.h"
#include "server/kafka/long_polls.h"

namespace server::kafka {

namespace {

bool is_any(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

// Returns the address without the port, in Java's format, because Kafka's tools show it.
std::string host_of(std::string_view peer) {
  return "/" + std::string(peer.substr(0, peer.rfind(':')));
}

}  // namespace

struct KafkaServer::Impl {
  struct Listener final : ClientProtocol {
    Listener(Impl& of, const KafkaListener& listener) : impl(of), at(listener) {}
    std::string_view name() const override { return "kafka"; }
    std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
      return impl.open_session(client, node_seen_from(client.connection));
    }

    NodeView node_seen_from(const Connection& connection) const {
      Address address = at.advertised.value_or(front_end->address());
      if (!at.advertised && is_any(address.host))
        if (std::optional<Address> local = connection.local()) address = *std::move(local);
      return impl.node_at(address);
    }

    Impl& impl;
    const KafkaListener at;
    std::unique_ptr<FrontEnd> front_end;
  };

  Impl(const std::vector<Shard>& all, KafkaServerOptions with, MemoryBudget& memory,
       const Clock& time)
      : shards(all),
        options(std::move(with)),
        clock(time),
        fetch_sessions(memory, clock, load_be<uint64_t>(Uuid::random().bytes.data())) {
    for (const Shard& shard : shards) polls.push_back(std::make_shared<LongPolls>(*shard.loop));
  }

  std::unique_ptr<ClientSession> open_session(const NewClient& client, NodeView node) {
    const Shard& shard = shards[client.shard];
    return std::make_unique<Session>(
        *shard.backend, client.host, clock, std::move(node), options.limits,
        SessionSurroundings{polls[client.shard].get(), &client.memory,
                            shard.run_aside ? &shard.run_aside : nullptr, &fetch_sessions,
                            &quota_rates, host_of(client.connection.peer()), options.access,
                            &client.channel});
  }

  NodeView node_at(const Address& address) const {
    NodeView node = options.node;
    node.host = address.host;
    node.port = address.port;
    return node;
  }

  const std::vector<Shard> shards;
  const KafkaServerOptions options;
  const Clock& clock;
  FetchSessions fetch_sessions;
  QuotaRates quota_rates;
  std::vector<std::shared_ptr<LongPolls>> polls;     // by shard; shared with posted tasks
  std::vector<std::unique_ptr<Listener>> listeners;  // destroyed first: sessions use the polls
};

KafkaServer::KafkaServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaServer::~KafkaServer() = default;

Result<std::unique_ptr<KafkaServer>> KafkaServer::open(const std::vector<Shard>& shards,
                                                       KafkaServerOptions options,
                                                       MemoryBudget& memory, const Clock& clock) {
  auto impl = std::make_unique<Impl>(shards, std::move(options), memory, clock);
  std::vector<Loop*> loops;
  for (const Shard& shard : shards) loops.push_back(shard.loop);
  for (const KafkaListener& at : impl->options.listeners) {
    auto listener = std::make_unique<Impl::Listener>(*impl, at);
    FrontEndOptions front_end = impl->options.front_end;
    front_end.address = at.address;
    listener->front_end = TRY(FrontEnd::open(loops, front_end, *listener, memory, clock));
    impl->listeners.push_back(std::move(listener));
  }
  return std::unique_ptr<KafkaServer>(new KafkaServer(std::move(impl)));
}

std::unique_ptr<LocalClient> KafkaServer::open_local(size_t index, MemoryAccount* memory) {
  const Shard& shard = impl_->shards[index];
  const auto make = [&](SessionHost& host) {
    SessionLimits limits = impl_->options.limits;  // no time limits: this client has no socket
    limits.first_request_timeout_ms = limits.max_idle_ms = -1;
    const Impl::Listener& first = *impl_->listeners.front();
    return std::make_unique<Session>(
        *shard.backend, host, impl_->clock,
        impl_->node_at(first.at.advertised.value_or(first.front_end->address())), limits,
        SessionSurroundings{impl_->polls[index].get(), memory,
                            shard.run_aside ? &shard.run_aside : nullptr, &impl_->fetch_sessions,
                            &impl_->quota_rates, "/127.0.0.1"});
  };
  return std::make_unique<LocalClient>(*shard.loop, impl_->clock, memory, make,
                                       impl_->options.node.node_id, impl_->options.relay);
}

std::vector<Address> KafkaServer::addresses() const {
  std::vector<Address> all;
  for (const auto& listener : impl_->listeners) all.push_back(listener->front_end->address());
  return all;
}

size_t KafkaServer::connection_count() const {
  size_t count = 0;
  for (const auto& listener : impl_->listeners) count += listener->front_end->connection_count();
  return count;
}

void KafkaServer::grown(std::span<const storage::TopicPartition> partitions) {
  for (const auto& polls : impl_->polls) polls->grown(partitions);
}

void KafkaServer::stop(Task on_stopped) {
  struct Stop {
    size_t left;
    Task done;
  };
  auto stop = std::make_shared<Stop>(Stop{impl_->listeners.size(), std::move(on_stopped)});
  // All front ends call back on the first loop, so the counter needs no lock.
  for (const auto& listener : impl_->listeners)
    listener->front_end->stop([stop] {
      if (--stop->left == 0) stop->done();
    });
}

}  // namespace server::kafka
