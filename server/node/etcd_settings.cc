#include "server/node/etcd_settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>

namespace server {

namespace {

Error refused(std::string message, std::string hint) {
  return Error{ErrorCode::InvalidParameter, std::move(message), {}, std::move(hint)};
}

// Returns a member's address for clients. Its port is one below the port for members, like etcd's
// own ports 2379 and 2380.
Address for_clients(const Address& peers) {
  return {peers.host, static_cast<uint16_t>(peers.port - 1)};
}

// Returns the address at which a member listens: all interfaces if other members reach it by a host
// name.
Address to_listen(Address address) {
  in6_addr number{};
  if (inet_pton(AF_INET, address.host.c_str(), &number) != 1 &&
      inet_pton(AF_INET6, address.host.c_str(), &number) != 1)
    address.host = "0.0.0.0";
  return address;
}

bool is_taken(const Address& address) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  if (getaddrinfo(address.host.c_str(), fmt::to_string(address.port).c_str(), &hints, &found) != 0)
    return false;
  const int probe = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool taken =
      probe >= 0 && bind(probe, found->ai_addr, found->ai_addrlen) != 0 && errno == EADDRINUSE;
  if (probe >= 0) close(probe);
  freeaddrinfo(found);
  return taken;
}

bool is_secured(const NodeSettings& settings) { return !settings.cluster.tls.certificate.empty(); }

}  // namespace

Result<std::map<int, Address>> parse_etcd_peers(std::string_view text) {
  std::map<int, Address> peers;
  const auto bad = [](std::string_view each) {
    return refused(fmt::format("\"{}\" is not ID=HOST:PORT", each),
                   "Example: --peers 1=10.0.0.1:2380,2=10.0.0.2:2380,3=10.0.0.3:2380");
  };
  while (!text.empty()) {
    const std::string_view each = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), each.size() + 1));
    const size_t sign = each.find('=');
    if (sign == std::string_view::npos) return bad(each);
    int id = -1;
    const char* const end = each.data() + sign;
    if (const auto read = std::from_chars(each.data(), end, id);
        read.ec != std::errc() || read.ptr != end || id < 0)
      return bad(each);
    const Address address = TRY(parse_address(each.substr(sign + 1)));
    if (address.host.empty() || address.port < 2) return bad(each);
    if (!peers.emplace(id, address).second)
      return refused(fmt::format("node {} is named twice", id), "Each node has one address.");
  }
  return peers;
}

bool starts_etcd(const NodeSettings& settings) { return settings.cluster.etcd == "start"; }

Status check_etcd_peers(const NodeSettings& settings) {
  const NodeSettings::Cluster& cluster = settings.cluster;
  if (!starts_etcd(settings)) {
    if (cluster.peers.empty()) return {};
    return refused("--peers requires --etcd start",
                   "Use --etcd start, or omit --peers and name a running etcd.");
  }
  if (cluster.peers.empty())
    return refused("--etcd start requires --peers",
                   "Name all nodes that start an etcd, including this one: --peers "
                   "1=10.0.0.1:2380,2=10.0.0.2:2380,3=10.0.0.3:2380");
  if (!cluster.peers.contains(cluster.node_id))
    return refused(fmt::format("node {} is not among --peers", cluster.node_id),
                   "A node that starts no etcd must name that of the others: --etcd URL,...");
  return {};
}

std::vector<std::string> etcd_endpoints(const NodeSettings& settings) {
  std::vector<std::string> endpoints;
  if (const auto own = own_etcd(settings)) {
    endpoints.push_back(own->members[own->self].clients);
    // Without certificates for members and clients, each member of etcd accepts clients only from its own machine.
    for (const auto& each : own->members)
      if (!is_secured(settings) && each.clients != endpoints.front())
        endpoints.push_back(each.clients);
    return endpoints;
  }
  std::string_view rest = settings.cluster.etcd;
  while (!rest.empty()) {
    std::string_view each = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), each.size() + 1));
    while (each.ends_with('/')) each.remove_suffix(1);
    if (!each.empty()) endpoints.emplace_back(each);
  }
  return endpoints;
}

std::optional<SupervisedEtcdOptions> own_etcd(const NodeSettings& settings) {
  const NodeSettings::Cluster& cluster = settings.cluster;
  if (!starts_etcd(settings) || !cluster.peers.contains(cluster.node_id)) return std::nullopt;
  SupervisedEtcdOptions options;
  options.data_dir = (std::filesystem::path(settings.data_dir) / "etcd").string();
  options.token = cluster.id;
  options.tls = {cluster.tls.certificate, cluster.tls.key, cluster.tls.client_authority};
  const std::string_view scheme = is_secured(settings) ? "https" : "http";
  for (const auto& [id, address] : cluster.peers) {
    Address clients = for_clients(address);
    if (is_secured(settings)) clients.host = "127.0.0.1";
    if (id == cluster.node_id) {
      options.self = options.members.size();
      options.listen_peers = fmt::format("{}://{}", scheme, to_listen(address).to_string());
      options.listen_clients = fmt::format("http://{}", to_listen(clients).to_string());
    }
    options.members.push_back({fmt::format("node-{}", id),
                               fmt::format("{}://{}", scheme, address.to_string()),
                               fmt::format("http://{}", clients.to_string())});
  }
  return options;
}

Status check_etcd_ports(const NodeSettings& settings, const std::atomic<bool>& must_stop) {
  if (!own_etcd(settings)) return {};
  constexpr auto kPatience = std::chrono::seconds(20);
  constexpr auto kPause = std::chrono::milliseconds(100);
  const Address& peers = settings.cluster.peers.at(settings.cluster.node_id);
  Address clients = for_clients(peers);
  if (is_secured(settings)) clients.host = "127.0.0.1";
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  for (const Address& each : {to_listen(clients), to_listen(peers)})
    while (is_taken(each)) {
      if (must_stop) return Error{ErrorCode::ShuttingDown, "stopped while waiting"};
      if (std::chrono::steady_clock::now() > give_up_at)
        return Error{ErrorCode::NetworkFailure,
                     fmt::format("another program is listening at {}, which is the address of this "
                                 "node's etcd",
                                 each.to_string()),
                     {},
                     "Debian starts an etcd of its own: stop it with systemctl disable --now etcd. "
                     "Or choose other ports in --peers, on all nodes."};
      std::this_thread::sleep_for(kPause);
    }
  return {};
}

}  // namespace server
