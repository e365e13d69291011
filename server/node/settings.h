// What `millrace server` can be told: by flags, else by MILLRACE_* variables, else by a TOML file,
// else the defaults.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/coordinator/group_settings.h"
#include "server/coordinator/transaction_settings.h"
#include "server/net/address.h"
#include "server/net/tls.h"
#include "server/sql/settings.h"
#include "server/tasks/checkpoint_lane.h"

namespace server {

struct NodeSettings {
  std::string data_dir = "./millrace-data";
  Address pg{"127.0.0.1", 7432};
  std::vector<Address> kafka = {{"127.0.0.1", 9092}};
  std::optional<Address> http = Address{"127.0.0.1", 8088};  // none: it does not listen
  std::optional<Address> registry = {};  // where else the schema registry listens
  // Host names and origins that the gate of the HTTP listeners lets in (server/http/gate.h).
  std::vector<std::string> http_hosts = {}, http_origins = {};
  std::vector<Address>
      kafka_advertised;  // for each of `kafka`, in this order; none: where clients come
  // Another registry that keeps the schemas, in place of the one inside.
  struct OutsideRegistry {
    std::string urls;              // with commas between; empty: none
    std::string credentials_file;  // whose first line is "name:password"
  } outside_registry = {};
  bool auto_create_topics = true;             // when a Kafka client asks for one that is not there
  bool insecure = false;                      // may listen where other machines can connect
  size_t memory_limit_bytes = 0;              // 0: a quarter of what the machine has
  std::optional<size_t> state_memory_bytes;   // none: three eighths of that
  size_t max_connections = 10'000;            // of each protocol
  size_t superuser_reserved_connections = 3;  // of those of PostgreSQL clients
  int64_t connections_max_idle_ms = 600'000;  // of Kafka clients; negative: for ever
  int shards = 0;                             // 0: as many as cores
  int statement_threads = 0;                  // likewise
  std::string log_level = "info";             // debug, info, warn, error
  bool processing_log = true;  // failed records are also told in a stream of their own
  coordinator::GroupSettings groups;
  coordinator::TransactionSettings transactions;
  int64_t producer_id_expiration_ms = 86'400'000;
  CheckpointPolicy checkpoint_policy;
  int64_t log_retention_check_interval_ms = 10'000;
  int64_t connections_max_reauth_ms = 0;  // 0: a Kafka client that is let in stays so
  bool test_clock = false;                // tests may move the clock forward
  // Settings for topics that do not set them themselves, by the names of topics' settings; without retention.ms.
  std::map<std::string, std::string> topic_defaults = {};
  // log.retention.ms, else .minutes, else .hours: the finest counts, as in Kafka.
  std::optional<int64_t> log_retention_ms = {}, log_retention_minutes = {},
                         log_retention_hours = {};
  SqlSettings sql;
  struct Security {
    std::string access_file;  // empty: everybody who can connect may do everything
    TlsFiles tls = {};        // no certificate: no TLS
    // Made at a start that does not find it, if there is a file with its password.
    std::string superuser = "millrace", superuser_password_file = {};
  } security = {};
  // Of a cluster; a server without an id is in none.
  struct Cluster {
    std::string id;
    int node_id = -1;
    std::string
        etcd;  // URLs with commas between, or "start": this server starts a member of its own
    // The members of an etcd that the nodes start: where each is reached by the others, by the node's number.
    std::map<int, Address> peers;
    Address nodes{"127.0.0.1", 9093};
    std::optional<Address> nodes_advertised;
    std::string rack;
    TlsFiles tls = {};  // between nodes; no certificate: in the clear
    int min_insync_replicas = 2;
    int64_t session_timeout_ms = 500, replica_lag_time_max_ms = 10'000;
    int64_t snapshot_commands = 1'000;  // of the metadata, behind the newest snapshot
    int64_t scrub_bytes_per_second = 4'000'000, scrub_interval_ms = 21'600'000;
  } cluster;
};
// Where the etcd of the cluster is asked, the nearest member first.
std::vector<std::string> etcd_endpoints(const NodeSettings& settings);

// For topics that do not set it themselves, by the names of their settings.
std::map<std::string, std::string> topic_defaults(const NodeSettings& settings);

// As set, or what holds without it.
size_t memory_limit_bytes(const NodeSettings& settings);
size_t state_memory_bytes(const NodeSettings& settings);

// What the command line asks for besides a server.
struct ServerArguments {
  NodeSettings settings;
  // Of the environment, with what was probably meant: they change nothing.
  std::vector<std::string> unknown_variables;
  bool is_over =
      false;  // --help was answered, or the arguments were refused, and the user told why
  int exit_code = 0;
};
ServerArguments read_server_arguments(int argc, const char* const* argv);

}  // namespace server
