#include "server/node/settings/settings_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/node/etcd_settings.h"
#include "server/node/settings.h"
#include "server/node/token_keys.h"

namespace server {

namespace {

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Fails if a listener that other machines can reach has no access rules: every client that can connect could then read,
// change and drop everything. The operator has to allow that explicitly (--insecure).
Status check_exposure(const NodeSettings& settings) {
  if (settings.insecure) return {};
  const auto has_rules = [&](std::string_view flag) {
    if (flag == "--nodes") return !settings.cluster.tls.certificate.empty();
    return !settings.security.access_file.empty();
  };
  std::vector<std::pair<const char*, const Address*>> listeners = {
      {"--pg", &settings.pg},
      {"--http", settings.http ? &*settings.http : nullptr},
      {"--registry", settings.registry ? &*settings.registry : nullptr},
      {"--connect", settings.connect ? &*settings.connect : nullptr},
      {"--nodes", &settings.cluster.nodes}};
  for (const Address& kafka : settings.kafka) listeners.emplace_back("--kafka", &kafka);
  for (const auto& [flag, address] : listeners)
    if (address && !is_loopback(address->host) && !has_rules(flag))
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("{} {} would accept connections without authentication", flag,
                               address->to_string()),
                   {},
                   has_rules("--pg") ? "Use --nodes-tls-cert, --nodes-tls-key and --nodes-tls-ca "
                                       "to authenticate the other nodes, listen on 127.0.0.1, or "
                                       "use --insecure."
                                     : "Use --access-file with lines such as host all all all "
                                       "scram-sha-256 to authenticate clients. Create users with "
                                       "CREATE USER ann PASSWORD '...' while the server listens on "
                                       "127.0.0.1, or the first one with "
                                       "--superuser-password-file. Otherwise listen on 127.0.0.1, "
                                       "or use --insecure if only trusted clients can reach that "
                                       "address."};
  return {};
}

Status check_security(const NodeSettings& settings) {
  const TlsFiles& tls = settings.security.tls;
  if (tls.certificate.empty() == tls.key.empty() &&
      (!tls.certificate.empty() || tls.client_authority.empty()))
    return {};
  return Error{ErrorCode::InvalidParameter,
               "--tls-cert and --tls-key require each other",
               {},
               "Set both. --tls-ca requires them, too."};
}

bool is_any_host(const Address& address) {
  return address.host.empty() || address.host == "0.0.0.0" || address.host == "::";
}

Status check_listeners(const NodeSettings& settings) {
  // Clients would connect to their own machine at an address such as 0.0.0.0. Kafka refuses such
  // advertised.listeners, too.
  const auto any = std::ranges::find_if(settings.kafka_advertised, is_any_host);
  if (any != settings.kafka_advertised.end())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("--kafka-advertised {} is not an address that clients can connect to",
                             any->to_string()),
                 {},
                 "Name the host by which clients reach this server: HOST:PORT."};
  if (settings.kafka_advertised.empty() ||
      settings.kafka_advertised.size() == settings.kafka.size())
    return {};
  return Error{ErrorCode::InvalidParameter,
               "--kafka-advertised has another number of addresses than --kafka",
               {},
               "Name one for each, in the same order."};
}

Status check_registry(const NodeSettings& settings) {
  if (settings.outside_registry.urls.empty() && !settings.outside_registry.credentials_file.empty())
    return Error{ErrorCode::InvalidParameter,
                 "--schema-registry-credentials-file requires --schema-registry-url"};
  if (settings.outside_registry.urls.empty() || !settings.registry) return {};
  return Error{ErrorCode::InvalidParameter,
               "--registry and --schema-registry-url exclude each other",
               {},
               "Schemas are kept either in this server or in the external registry."};
}

Status check_connect(const NodeSettings& settings) {
  if (!settings.outside_connect.urls.empty() || settings.outside_connect.credentials_file.empty())
    return {};
  return Error{ErrorCode::InvalidParameter, "--connect-credentials-file requires --connect-url"};
}

// A folder of console files is accepted only if the HTTP listener is reachable from this machine
// alone: the files are read again for each request, and may change while they are read.
Status check_console(const NodeSettings& settings) {
  if (settings.console_dir.empty() || !settings.http || is_loopback(settings.http->host)) return {};
  return Error{ErrorCode::InvalidParameter,
               fmt::format("--console-dir is not available at {}", settings.http->to_string()),
               {},
               "Listen on 127.0.0.1 with --http, or omit --console-dir: the program contains the "
               "files of the console."};
}

// Checks that the options of a cluster fit together.
Status check_cluster(const NodeSettings& settings) {
  const NodeSettings::Cluster& cluster = settings.cluster;
  const auto refused = [](std::string message, std::string hint) {
    return Error{ErrorCode::InvalidParameter, std::move(message), {}, std::move(hint)};
  };
  if (cluster.id.empty()) {
    if (cluster.node_id < 0 && cluster.etcd.empty() && cluster.peers.empty()) return {};
    return refused("--node-id, --etcd and --peers require --cluster",
                   "Add --cluster NAME, or omit them.");
  }
  if (cluster.node_id < 0 || cluster.etcd.empty())
    return refused("--cluster requires --node-id and --etcd",
                   "Example: --cluster blue --node-id 1 --etcd http://127.0.0.1:2379");
  // A default policy is set at the start and is not stored in the data directory. So `millrace
  // check` would not know it, and would report the gaps of compacted topics as damage.
  if (const auto policy = settings.topic_defaults.find("cleanup.policy");
      policy != settings.topic_defaults.end() &&
      policy->second.find("compact") != std::string::npos)
    return refused("--log-cleanup-policy of a node of a cluster cannot be compact",
                   "Set it for all nodes while they run: kafka-configs --entity-type brokers "
                   "--entity-default --alter --add-config log.cleanup.policy=compact");
  TRY(check_etcd_peers(settings));
  const TlsFiles& tls = cluster.tls;
  if (tls.certificate.empty() != tls.key.empty() ||
      tls.certificate.empty() != tls.client_authority.empty())
    return refused("--nodes-tls-cert, --nodes-tls-key and --nodes-tls-ca require each other",
                   "The nodes verify each other's certificates. Set all three options, or none.");
  if (settings.kafka.size() > 1)
    return refused("--kafka with several addresses is not supported in a cluster yet",
                   "Name one address that all clients can reach.");
  if (is_any_host(settings.kafka.front()) && settings.kafka_advertised.empty())
    return refused(
        "--kafka listens on all addresses, so clients of other nodes do not know the "
        "address of this node",
        "Add --kafka-advertised HOST:PORT.");
  if (is_any_host(cluster.nodes) && !cluster.nodes_advertised)
    return refused(
        "--nodes listens on all addresses, so the other nodes do not know the address "
        "of this node",
        "Add --nodes-advertised HOST:PORT.");
  return {};
}

}  // namespace

Status check_settings(const NodeSettings& settings) {
  TRY(check_exposure(settings));
  TRY(check_security(settings));
  TRY(check_tokens(settings.security.tokens));
  TRY(check_listeners(settings));
  TRY(check_registry(settings));
  TRY(check_connect(settings));
  TRY(check_console(settings));
  return check_cluster(settings);
}

}  // namespace server
