// The settings of `millrace server`: from flags, MILLRACE_* variables, a TOML file or the defaults, in this
// order of precedence.
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
  std::optional<Address> http = Address{"127.0.0.1", 8088};  // none: no HTTP listener
  std::optional<Address> registry = {};  // additional listener of the schema registry
  // Host names and origins that the HTTP listeners accept (server/http/gate.h).
  std::vector<std::string> http_hosts = {}, http_origins = {};
  // The console in the browser, which the HTTP listener serves.
  enum class Console : uint8_t { On, ReadOnly, Off };
  Console console = Console::On;
  // directory with the files of the console; empty: the files in the program are used
  std::string console_dir = {};
  bool keeps_history = true;  // whether figures are sampled for millrace_catalog.findings
  std::vector<Address>
      kafka_advertised;  // one for each of `kafka`, in order; empty: the listener's own address

  // An external registry that stores the schemas instead of the internal one.
  struct OutsideRegistry {
    std::string urls;              // separated by commas; empty: none
    std::string credentials_file;  // its first line is "name:password"
  } outside_registry = {};
  // A separate listener for Kafka Connect's REST API, which is also available at `http`.
  std::optional<Address> connect;
  struct OutsideConnect {
    std::string urls;              // separated by commas; empty: none
    std::string credentials_file;  // its first line is "name:password"
  } outside_connect = {};
  // Whether a missing topic is created when a Kafka client requests it.
  bool auto_create_topics = true;
  bool insecure = false;          // true: other machines may connect without access rules
  size_t memory_limit_bytes = 0;  // 0: a quarter of the machine's memory
  std::optional<size_t> state_memory_bytes;   // none: three eighths of memory_limit_bytes
  size_t max_connections = 10'000;            // limit for each protocol
  size_t superuser_reserved_connections = 3;  // part of max_connections for PostgreSQL clients
  int64_t connections_max_idle_ms = 600'000;  // for Kafka clients; negative: no limit
  int shards = 0;                             // 0: one per core
  int statement_threads = 0;                  // 0: one per core
  std::string log_level = "info";             // debug, info, warn, error
  // Connectors that run in this server.
  struct NativeConnect {
    std::string files_dir;    // bounds the files of connectors; empty: connectors of files are off
    std::string secrets_dir;  // directory of the files for references ${file:...}; empty: none
    int max_threads = 64;
    std::optional<size_t> memory_bytes;  // none: a quarter of memory_limit_bytes
  } native_connect = {};
  bool processing_log = true;  // failed records are also written to a stream of their own
  coordinator::GroupSettings groups;
  coordinator::TransactionSettings transactions;
  int64_t producer_id_expiration_ms = 86'400'000;
  CheckpointPolicy checkpoint_policy;
  int64_t log_retention_check_interval_ms = 10'000;
  int64_t connections_max_reauth_ms = 0;  // 0: a Kafka client stays authenticated
  bool test_clock = false;                // tests may move the clock forward
  // Defaults for topics that do not have a setting themselves, by the names of topic settings; without retention.ms.
  std::map<std::string, std::string> topic_defaults = {};
  // log.retention.ms, .minutes and .hours. As in Kafka, the finest unit that is set has precedence.
  std::optional<int64_t> log_retention_ms = {}, log_retention_minutes = {},
                         log_retention_hours = {};
  SqlSettings sql;
  // The check of the tokens of Kafka clients (SASL OAUTHBEARER).
  struct Tokens {
    std::string keys_url;                     // of a JSON Web Key Set; empty: none
    std::string secret_file;                  // its first line is the secret of HS256; empty: none
    std::vector<std::string> audiences = {};  // empty: each audience
    std::string issuer;                       // empty: each issuer
    std::string user_claim = "sub";
    int64_t clock_skew_s = 30, refresh_ms = 3'600'000;
  };
  struct Security {
    std::string access_file;  // empty: every client may do everything
    Tokens tokens = {};
    TlsFiles tls = {};  // no certificate: no TLS
    // A start creates this user if it does not exist and a file with its password is configured.
    std::string superuser = "millrace", superuser_password_file = {};
  } security = {};
  // Settings of a node of a cluster; without an id the server is a single node.
  struct Cluster {
    std::string id;
    int node_id = -1;
    std::string
        etcd;  // URLs separated by commas, or "start": this server starts a member of its own
    // If the nodes start an etcd, the address of each member for the other members, by node id.
    std::map<int, Address> peers;
    Address nodes{"127.0.0.1", 9093};
    std::optional<Address> nodes_advertised;
    std::string rack;
    TlsFiles tls = {};  // for connections between nodes; no certificate: plain text
    int min_insync_replicas = 2;
    int64_t session_timeout_ms = 500, replica_lag_time_max_ms = 10'000;
    int64_t balance_s = 300;            // Kafka's leader.imbalance.check.interval.seconds
    int64_t snapshot_commands = 1'000;  // commands of the metadata log between two snapshots
    int64_t scrub_bytes_per_second = 4'000'000, scrub_interval_ms = 21'600'000;
  } cluster;
};
// Returns the endpoints of the cluster's etcd, the nearest member first.
std::vector<std::string> etcd_endpoints(const NodeSettings& settings);

// Returns the defaults for topics that do not have a setting themselves, by the names of topic settings.
std::map<std::string, std::string> topic_defaults(const NodeSettings& settings);

// Return the configured value, or the default.
size_t memory_limit_bytes(const NodeSettings& settings);
size_t state_memory_bytes(const NodeSettings& settings);

// The parsed command line of a server.
struct ServerArguments {
  NodeSettings settings;
  // Environment variables with the prefix MILLRACE_ that name no setting, each with a suggestion; they have no effect.
  std::vector<std::string> unknown_variables;
  bool is_over = false;  // true: --help was printed or the arguments were refused

  int exit_code = 0;
};
ServerArguments read_server_arguments(int argc, const char* const* argv);

}  // namespace server
