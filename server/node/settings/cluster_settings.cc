// The settings of a node of a cluster.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "server/node/etcd_settings.h"
#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"

namespace server {

namespace {

constexpr SettingRow kClusterSettings[] = {
    {"cluster", "name of this node's cluster; not set: a single server",
     [](NodeSettings& s, const std::string& text) -> Status {
       const bool is_word = !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
         return std::isalnum(c) || c == '-' || c == '_' || c == '.';
       });
       if (!is_word)
         return Error{ErrorCode::InvalidParameter,
                      fmt::format("\"{}\" must consist of letters, digits, - _ and .", text)};
       s.cluster.id = text;
       return {};
     }},
    {"node-id", "permanent number of this node in its cluster",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.cluster.node_id, text, 0, INT32_MAX);
     }},
    {"etcd",
     "URL,... of the etcd that stores the cluster's metadata: http://127.0.0.1:2379; or start: the "
     "nodes in --peers start the members of etcd",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.etcd = text;
       if (starts_etcd(s)) return {};
       for (const std::string& each : etcd_endpoints(s))
         if (!each.starts_with("http://") && !each.starts_with("https://"))
           return Error{ErrorCode::InvalidParameter,
                        fmt::format("\"{}\" does not begin with http:// or https://", each)};
       return {};
     }},
    {"peers",
     "ID=HOST:PORT,... of the nodes that run a member of etcd with --etcd start: "
     "1=10.0.0.1:2380,...; clients of etcd use the next lower port",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.peers = TRY(parse_etcd_peers(text));
       return {};
     }},
    {"nodes", "HOST:PORT for the other nodes; port 0 picks a free one [127.0.0.1:9093]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.nodes = TRY(parse_address(text));
       return {};
     }},
    {"nodes-advertised", "HOST:PORT at which the other nodes reach this node [as --nodes]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.nodes_advertised = TRY(parse_address(text));
       return {};
     }},
    {"nodes-tls-cert", "this node's certificate, PEM; the nodes then use TLS [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.tls.certificate = text;
       return {};
     }},
    {"nodes-tls-key", "its key, PEM, without a pass phrase",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.tls.key = text;
       return {};
     }},
    {"nodes-tls-ca", "certificate authority of the certificates of all nodes, PEM",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.tls.client_authority = text;
       return {};
     }},
    {"rack",
     "rack or zone of the node: replicas of a partition are placed in different racks if possible",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.cluster.rack = text;
       return {};
     }},
    {"min-insync-replicas",
     "number of replicas that must have a record before acks=all is acknowledged; the same on all "
     "nodes [2]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.cluster.min_insync_replicas, text, 1, 100);
     }},
    {"node-session-timeout-ms",
     "time without a heartbeat after which a node loses its leaderships; the same on all nodes "
     "[500]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.session_timeout_ms, text, 200, 3'600'000);
     }},
    {"leader-imbalance-check-interval-seconds",
     "time between two moves of leaders back to their preferred replicas, for example after a "
     "failure [300]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.balance_s, text, 1, 86'400);
     }},
    {"replica-lag-time-max-ms",
     "time after which a follower that lags is no longer in sync [10000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.replica_lag_time_max_ms, text, 100, 3'600'000);
     }},
    {"scrub-bytes-per-second",
     "bytes per second that a leader reads to compare its partitions with their replicas; 0: no "
     "comparison [4000000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.scrub_bytes_per_second, text, 0, int64_t{1} << 40);
     }},
    {"scrub-interval-ms", "time between the starts of two comparisons of replicas [21600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.scrub_interval_ms, text, 1, int64_t{1} << 40);
     }},
    {"metadata-snapshot-commands", "",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.snapshot_commands, text, 5, 1'000'000);
     }},
};

}  // namespace

std::span<const SettingRow> cluster_settings() { return kClusterSettings; }

}  // namespace server
