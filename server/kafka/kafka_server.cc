#include "server/kafka/kafka_server.h"

#include <utility>

#include "server/kafka/long_polls.h"

namespace server::kafka {

namespace {

bool is_any(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

// As Java prints addresses, which Kafka's tools show.
std::string host_of(std::string_view peer) {
  return "/" + std::string(peer.substr(0, peer.rfind(':')));
}

}  // namespace

struct KafkaServer::Impl final : ClientProtocol {
  Impl(const std::vector<Shard>& all, KafkaServerOptions with, MemoryBudget& memory,
       const Clock& time)
      : shards(all),
        options(std::move(with)),
        clock(time),
        fetch_sessions(memory, clock, static_cast<uint64_t>(clock.wall_ms())) {
    for (const Shard& shard : shards) polls.push_back(std::make_shared<LongPolls>(*shard.loop));
  }

  std::string_view name() const override { return "kafka"; }

  std::unique_ptr<ClientSession> open_session(const NewClient& client) override {
    const Shard& shard = shards[client.shard];
    return std::make_unique<Session>(
        *shard.backend, client.host, clock, node_seen_from(client.connection), options.limits,
        SessionSurroundings{polls[client.shard].get(), &client.memory,
                            shard.run_aside ? &shard.run_aside : nullptr, &fetch_sessions,
                            &quota_rates, host_of(client.connection.peer()), options.access,
                            &client.channel});
  }

  NodeView node_seen_from(const Connection& connection) const {
    Address address = options.advertised.value_or(front_end->address());
    if (!options.advertised && is_any(address.host))
      if (std::optional<Address> local = connection.local()) address = *std::move(local);
    NodeView node = options.node;
    node.host = std::move(address.host);
    node.port = address.port;
    return node;
  }

  const std::vector<Shard> shards;
  const KafkaServerOptions options;
  const Clock& clock;
  FetchSessions fetch_sessions;
  QuotaRates quota_rates;
  std::vector<std::shared_ptr<LongPolls>> polls;  // by shard; shared with what is posted to them
  std::unique_ptr<FrontEnd> front_end;            // goes first: its sessions know the polls
};

KafkaServer::KafkaServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaServer::~KafkaServer() = default;

Result<std::unique_ptr<KafkaServer>> KafkaServer::open(const std::vector<Shard>& shards,
                                                       KafkaServerOptions options,
                                                       MemoryBudget& memory, const Clock& clock) {
  auto impl = std::make_unique<Impl>(shards, std::move(options), memory, clock);
  std::vector<Loop*> loops;
  for (const Shard& shard : shards) loops.push_back(shard.loop);
  impl->front_end = TRY(FrontEnd::open(loops, impl->options.front_end, *impl, memory, clock));
  return std::unique_ptr<KafkaServer>(new KafkaServer(std::move(impl)));
}

std::unique_ptr<LocalClient> KafkaServer::open_local(size_t index, MemoryAccount* memory) {
  const Shard& shard = impl_->shards[index];
  return std::make_unique<LocalClient>(
      *shard.loop, impl_->clock, memory, [&](SessionHost& host) {
        NodeView node = impl_->options.node;
        const Address address = impl_->options.advertised.value_or(this->address());
        node.host = address.host;
        node.port = address.port;
        return std::make_unique<Session>(
            *shard.backend, host, impl_->clock, std::move(node), impl_->options.limits,
            SessionSurroundings{impl_->polls[index].get(), memory,
                                shard.run_aside ? &shard.run_aside : nullptr,
                                &impl_->fetch_sessions, &impl_->quota_rates, "/127.0.0.1"});
      });
}

const Address& KafkaServer::address() const { return impl_->front_end->address(); }
size_t KafkaServer::connection_count() const { return impl_->front_end->connection_count(); }

void KafkaServer::grown(std::span<const storage::TopicPartition> partitions) {
  for (const auto& polls : impl_->polls) polls->grown(partitions);
}

void KafkaServer::stop(Task on_stopped) { impl_->front_end->stop(std::move(on_stopped)); }

}  // namespace server::kafka
