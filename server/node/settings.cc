#include "server/node/settings.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/memory_budget.h"
#include "base/suggest.h"
#include "base/topic_limits.h"
#include "server/connect/outside/connect_client.h"
#include "server/http/gate.h"
#include "server/node/command_line.h"
#include "server/node/etcd_settings.h"
#include "server/node/machine_memory.h"
#include "server/node/token_keys.h"
#include "server/registry/registry_client.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

// One setting. `name`, with hyphens, is used in the file and as a flag; the variable is MILLRACE_ and
// the name in upper case.

struct SettingRow {
  std::string_view name;
  std::string_view doc;  // empty: only for tests, not shown by --help
  Status (*set)(NodeSettings& settings, const std::string& text);
};

Status set_number(int64_t& to, const std::string& text, int64_t least, int64_t most) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a number from {} to {}", text, least, most)};
  to = value;
  return {};
}

Status set_int(int& to, const std::string& text, int least, int most) {
  int64_t value = 0;
  TRY(set_number(value, text, least, most));
  to = static_cast<int>(value);
  return {};
}

// Parses a list separated by commas.
Status set_addresses(std::vector<Address>& to, const std::string& text) {
  std::vector<Address> addresses;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    addresses.push_back(TRY(parse_address(std::string_view(text).substr(begin, end - begin))));
    begin = end + 1;
  }
  to = std::move(addresses);
  return {};
}

Status set_bool(bool& to, const std::string& text) {
  if (text != "true" && text != "false")
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not true or false", text)};
  to = text == "true";
  return {};
}

Status set_on_or_off(bool& to, const std::string& text) {
  if (text != "on" && text != "off")
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not on or off", text)};
  to = text == "on";
  return {};
}

Status set_http_origins(NodeSettings& settings, const std::string& text) {
  settings.http_origins = TRY(http::parse_http_origins(text));
  return {};
}

Status set_audiences(NodeSettings& settings, const std::string& text) {
  std::vector<std::string> audiences = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& each : audiences) absl::StripAsciiWhitespace(&each);
  settings.security.tokens.audiences = std::move(audiences);
  return {};
}

Status set_console(NodeSettings& settings, const std::string& text) {
  using Console = NodeSettings::Console;
  for (const auto& [name, value] :
       {std::pair{"on", Console::On}, {"read-only", Console::ReadOnly}, {"off", Console::Off}})
    if (text == name) {
      settings.console = value;
      return {};
    }
  return Error{ErrorCode::InvalidParameter,
               fmt::format("\"{}\" is not on, read-only or off", text)};
}

// The smallest limit: with less memory, an ordinary batch of a Kafka client would be larger than a
// session's share.
constexpr size_t kLeastMemory = 64 << 20;

Status set_memory_limit(NodeSettings& settings, const std::string& text) {
  const size_t bytes = TRY(parse_bytes(text));
  if (bytes < kLeastMemory)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is less than {}", text, format_bytes(kLeastMemory))};
  settings.memory_limit_bytes = bytes;
  return {};
}

Status set_compat(NodeSettings& settings, const std::string& text) {
  if (text != "ksqldb" && text != "none")
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not ksqldb or none", text)};
  settings.sql.engine.ksqldb_compat = text == "ksqldb";
  if (settings.sql.engine.ksqldb_compat) settings.sql.engine.default_value_format.clear();
  return {};
}

Status set_log_level_name(NodeSettings& settings, const std::string& text) {
  if (text != "debug" && text != "info" && text != "warn" && text != "error")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not debug, info, warn or error", text)};
  settings.log_level = text;
  return {};
}

// Sets the default for topics that do not have the setting themselves.
Status set_topic_default(NodeSettings& settings, const std::string& name, const std::string& text) {
  TRY(storage::check_topic_config(name, text));
  settings.topic_defaults[name] = text;
  return {};
}

// Sets a retention; the value -1 means that it has no limit.
Status set_retention(std::optional<int64_t>& to, const std::string& text, int64_t most) {
  int64_t value = 0;
  TRY(set_number(value, text, -1, most));
  to = value;
  return {};
}

constexpr SettingRow kSettings[] = {
    {"data-dir",
     "directory of the log and the state; created if it does not exist [./millrace-data]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.data_dir = text;
       return {};
     }},
    {"pg", "HOST:PORT for PostgreSQL clients; port 0 picks a free one [127.0.0.1:7432]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.pg = TRY(parse_address(text));
       return {};
     }},
    {"kafka", "HOST:PORT,... for Kafka clients; port 0 picks a free one [127.0.0.1:9092]",
     [](NodeSettings& s, const std::string& text) { return set_addresses(s.kafka, text); }},
    {"http",
     "HOST:PORT for HTTP: metrics, health, ksqlDB's API; port 0 picks a free one, off: none "
     "[127.0.0.1:8088]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.http.reset();
       else
         s.http = TRY(parse_address(text));
       return {};
     }},
    {"http-hosts",
     "NAME,... by which clients reach the HTTP listeners, in addition to addresses, names without "
     "a dot, *.localhost and the names of the certificate; *.NAME matches all names below NAME, * "
     "every name [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.http_hosts = TRY(http::parse_http_hosts(text));
       return {};
     }},
    {"http-origins",
     "ORIGIN,... (https://HOST:PORT) whose web pages may use the HTTP listeners; *: all pages "
     "[none]",
     set_http_origins},
    // ksqlDB's name; a file may also use access.control.allow.origin.
    {"access-control-allow-origin", "ksqlDB's name of http-origins", set_http_origins},
    {"console",
     "console in the browser at http://HOST:PORT/console/ of --http: on, read-only (it changes "
     "nothing), off [on]",
     set_console},
    {"console-dir",
     "folder with the files of the console, for its developers; --http must be a loopback address "
     "[the files in the program]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.console_dir = text;
       return {};
     }},
    {"history",
     "on: figures of the last day (millrace_catalog.samples) and the problems that they show "
     "(millrace_catalog.findings) are kept in memory, at most 18 MB [on]",
     [](NodeSettings& s, const std::string& text) { return set_on_or_off(s.keeps_history, text); }},
    {"registry",
     "HOST:PORT of a separate listener for the schema registry, which is also available at --http; "
     "port 0 picks a free one, off: none [off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.registry.reset();
       else
         s.registry = TRY(parse_address(text));
       return {};
     }},
    {"schema-registry-url",
     "URL,... of an external schema registry (http://HOST:PORT, https too) that keeps the schemas "
     "of AVRO, PROTOBUF and JSON_SR instead of the internal one [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       TRY(parse_registry_urls(text));
       s.outside_registry.urls = text;
       return {};
     }},
    {"schema-registry-credentials-file",
     "file whose first line is the name:password for this registry; otherwise that of its URL "
     "[none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.outside_registry.credentials_file = text;
       return {};
     }},
    {"connect",
     "HOST:PORT of a separate listener for Kafka Connect's REST API, usually port 8083; the API is "
     "also available at --http; port 0 picks a free one, off: none [off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text == "off")
         s.connect.reset();
       else
         s.connect = TRY(parse_address(text));
       return {};
     }},
    {"connect-url",
     "URL,... of the workers of a Kafka Connect cluster (http://HOST:PORT, https too) that runs "
     "the connectors whose class is not built in [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       TRY(parse_connect_urls(text));
       s.outside_connect.urls = text;
       return {};
     }},
    {"connect-credentials-file",
     "file whose first line is the name:password for these workers; otherwise those of their URLs "
     "[none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.outside_connect.credentials_file = text;
       return {};
     }},
    {"kafka-advertised",
     "HOST:PORT,... that Kafka clients connect to, one for each of --kafka [the address of their "
     "connection]",
     [](NodeSettings& s, const std::string& text) {
       return set_addresses(s.kafka_advertised, text);
     }},
    {"auto-create-topics",
     "create a topic when a Kafka client requests one that does not exist [true]",
     [](NodeSettings& s, const std::string& text) { return set_bool(s.auto_create_topics, text); }},
    {"access-file",
     "file in the format of PostgreSQL's pg_hba.conf with the rules for connections and "
     "authentication; read again on SIGHUP [none: every client has all rights]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.access_file = text;
       return {};
     }},
    {"sasl-oauthbearer-jwks-endpoint-url",
     "URL of the public keys (JSON Web Key Set) of the issuer of tokens: https://, http:// or "
     "file:///; Kafka clients can then use OAUTHBEARER [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.keys_url = text;
       return {};
     }},
    {"sasl-oauthbearer-expected-audience",
     "audiences of which a token must have one, separated by commas [none: tokens for all services "
     "are accepted]",
     set_audiences},
    {"sasl-oauthbearer-expected-issuer", "issuer that a token must have [none: not checked]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.issuer = text;
       return {};
     }},
    {"sasl-oauthbearer-sub-claim-name", "claim of a token with the name of the user [sub]",
     [](NodeSettings& s, const std::string& text) -> Status {
       if (text.empty()) return Error{ErrorCode::InvalidParameter, "the name of a claim is missing"};
       s.security.tokens.user_claim = text;
       return {};
     }},
    {"sasl-oauthbearer-clock-skew-seconds",
     "how far the clocks of the issuer and of the server may differ [30]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.security.tokens.clock_skew_s, text, 0, 86'400);
     }},
    {"sasl-oauthbearer-jwks-endpoint-refresh-ms",
     "interval at which the keys are fetched again; a token with an unknown key causes an earlier "
     "fetch [3600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.security.tokens.refresh_ms, text, 1'000, INT32_MAX);
     }},
    {"sasl-oauthbearer-secret-file",
     "file whose first line is the secret of tokens that are signed with HS256 [none: such tokens "
     "are refused]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tokens.secret_file = text;
       return {};
     }},
    {"tls-cert", "the server's certificate, PEM; clients can then use TLS [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.certificate = text;
       return {};
     }},
    {"tls-key", "its key, PEM, without a pass phrase",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.key = text;
       return {};
     }},
    {"tls-ca",
     "certificate authority of the certificates of clients, PEM [none: clients need no "
     "certificate]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.tls.client_authority = text;
       return {};
     }},
    {"superuser", "name of the first user, for superuser-password-file [millrace]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.superuser = text;
       return {};
     }},
    {"superuser-password-file",
     "file whose first line is the password of the first user, which is created if it does not "
     "exist [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.security.superuser_password_file = text;
       return {};
     }},
    {"insecure", "accept all clients even at addresses that other machines can reach [false]",
     // --insecure may be written without a value.
     [](NodeSettings& s, const std::string& text) {
       return set_bool(s.insecure, text.empty() ? "true" : text);
     }},
    {"memory-limit",
     "memory of clients and queries together, such as 512MB or 8GB [a quarter of the memory]",
     [](NodeSettings& s, const std::string& text) { return set_memory_limit(s, text); }},
    {"state-memory",
     "additional memory for tables of queries; rows beyond it are read from the disk [three "
     "eighths of memory-limit]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.state_memory_bytes = TRY(parse_bytes(text));
       return {};
     }},
    {"max-connections",
     "maximum number of PostgreSQL clients; the same number applies to Kafka and to HTTP clients "
     "[10000]",
     [](NodeSettings& s, const std::string& text) -> Status {
       int64_t count = 0;
       TRY(set_number(count, text, 1, 1'000'000));
       s.max_connections = static_cast<size_t>(count);
       return {};
     }},
    {"superuser-reserved-connections",
     "number of the PostgreSQL connections that are reserved for superusers, if an access file is "
     "set [3]",
     [](NodeSettings& s, const std::string& text) -> Status {
       int64_t count = 0;
       TRY(set_number(count, text, 0, 1'000'000));
       s.superuser_reserved_connections = static_cast<size_t>(count);
       return {};
     }},
    {"connections-max-idle-ms",
     "time after which an idle connection of a Kafka client is closed; -1: never [600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.connections_max_idle_ms, text, -1, INT32_MAX);
     }},
    {"shards", "number of event loops; 0: one per core [0]",
     [](NodeSettings& s, const std::string& text) { return set_int(s.shards, text, 0, 1024); }},
    {"statement-threads",
     "number of threads that parse and plan long statements; 0: one per core [0]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.statement_threads, text, 0, 1024);
     }},
    {"connect-files",
     "directory whose files connectors may read and write; no path leads out of it [none: "
     "connectors of files are switched off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.native_connect.files_dir = text;
       return {};
     }},
    {"connect-threads", "most threads of tasks of connectors; further tasks wait [64]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.native_connect.max_threads, text, 1, 1024);
     }},
    {"connect-memory",
     "memory that all connectors together may use for their batches [a quarter of memory-limit]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.native_connect.memory_bytes = TRY(parse_bytes(text));
       return {};
     }},
    {"secrets-dir",
     "directory with secrets of connectors and links: ${file:NAME} in a property is the content of the file "
     "NAME [none]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.native_connect.secrets_dir = text;
       return {};
     }},
    {"num-partitions",
     "number of partitions of a topic that a statement creates without PARTITIONS [4]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.sql.engine.num_partitions, text, 1, kMostPartitionsOfTopic);
     }},
    {"read-wait-ms", "how long a look-up waits for the writes of its own session [2000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.sql.read_wait_ms, text, 0, 3'600'000);
     }},
    {"max-queries-per-session",
     "maximum number of open queries of a session, including cursors and portals with rows left "
     "[64]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.sql.max_queries_per_session, text, 1, 1'000'000);
     }},
    {"max-open-queries", "maximum number of open queries of all sessions [10000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.sql.max_open_queries, text, 1, 1'000'000);
     }},
    {"copy-atomic-bytes",
     "largest COPY that is all or nothing, and largest transaction; at most an eighth of "
     "memory-limit [67108864]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.sql.copy_atomic_bytes, text, 1 << 16, int64_t{1} << 40);
     }},
    {"processing-log",
     "on: errors of single records can be read from the stream KSQL_PROCESSING_LOG [on]",
     [](NodeSettings& s, const std::string& text) {
       return set_on_or_off(s.processing_log, text);
     }},
    // Settings of consumer groups, with Kafka's names and defaults. A file may also use Kafka's spelling, such
    // as group.max.size.
    {"group-initial-rebalance-delay-ms", "time that a new group waits for further members [3000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.groups.initial_rebalance_delay_ms, text, 0, INT32_MAX);
     }},
    {"group-min-session-timeout-ms",
     "shortest session time-out that a group member may request [6000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.min_session_timeout_ms, text, 0, INT32_MAX);
     }},
    {"group-max-session-timeout-ms",
     "longest session time-out that a group member may request [1800000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_session_timeout_ms, text, 0, INT32_MAX);
     }},
    {"group-max-size", "maximum number of members of a group [2147483647]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_size, text, 1, INT32_MAX);
     }},
    {"group-consumer-session-timeout-ms",
     "session time-out of members that use the consumer protocol [45000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_session_timeout_ms, text, 1, INT32_MAX);
     }},
    {"group-consumer-heartbeat-interval-ms",
     "heartbeat interval of members that use the consumer protocol [5000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_heartbeat_interval_ms, text, 1, INT32_MAX);
     }},
    {"group-consumer-max-size",
     "maximum number of members of a group that uses the consumer protocol [2147483647]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.consumer_max_size, text, 1, INT32_MAX);
     }},
    {"group-share-session-timeout-ms", "session time-out of members of a share group [45000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_session_timeout_ms, text, 1, INT32_MAX);
     }},
    {"group-share-heartbeat-interval-ms", "heartbeat interval of members of a share group [5000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_heartbeat_interval_ms, text, 1, INT32_MAX);
     }},
    {"group-share-max-size", "maximum number of members of a share group [200]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_size, text, 1, 1'000);
     }},
    {"group-share-max-share-sessions",
     "maximum number of connections that read for a share group [2000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_sessions, text, 1, 100'000);
     }},
    {"group-share-record-lock-duration-ms",
     "time that a member of a share group has for a record before others get it [30000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_record_lock_ms, text, 100, 3'600'000);
     }},
    {"group-share-delivery-count-limit", "number of times that a share group delivers a record [5]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_delivery_count_limit, text, 1, 10);
     }},
    {"group-share-partition-max-record-locks",
     "maximum number of records of a partition that a share group has fetched and not acknowledged "
     "[2000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.share_max_record_locks, text, 1, 10'000);
     }},
    {"offsets-retention-minutes",
     "time that the offsets of a group without members are kept [10080]",
     [](NodeSettings& s, const std::string& text) -> Status {
       int64_t minutes = 0;
       TRY(set_number(minutes, text, 1, INT32_MAX));
       s.groups.offsets_retention_ms = minutes * 60'000;
       return {};
     }},
    {"offsets-retention-check-interval-ms", "interval of the check for expired offsets [600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.groups.retention_check_ms, text, 1, INT32_MAX);
     }},
    {"offsets-topic-num-partitions",
     "number of partitions of the topic of groups when it is created [50]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.offsets_topic_partitions, text, 1, kMostPartitionsOfTopic);
     }},
    {"transaction-state-log-num-partitions",
     "number of partitions of the topic of transactions when it is created [50]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.transactions.topic_partitions, text, 1, kMostPartitionsOfTopic);
     }},
    {"transaction-max-timeout-ms", "maximum time-out of a transaction [900000]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.transactions.max_timeout_ms, text, 1, INT32_MAX);
     }},
    {"transactional-id-expiration-ms", "time that an unused transactional id is kept [604800000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.transactions.id_expiration_ms, text, 1, INT32_MAX);
     }},
    {"producer-id-expiration-ms",
     "time that the sequence numbers of an idle producer are kept [86400000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.producer_id_expiration_ms, text, 1, INT32_MAX);
     }},
    {"offset-metadata-max-bytes",
     "maximum size of the metadata that a client stores with an offset [4096]",
     [](NodeSettings& s, const std::string& text) {
       return set_int(s.groups.max_metadata_bytes, text, 0, INT16_MAX);
     }},
    // --- Settings of a node of a cluster
    {"cluster", "name of the cluster of this node; none: a single server",
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
     "URL,... of the etcd that keeps the cluster's metadata: http://127.0.0.1:2379; or start: the "
     "nodes in --peers start their own",
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
     "ID=HOST:PORT,... of the nodes that run an etcd with --etcd start: 1=10.0.0.1:2380,...; its "
     "clients use the port below",
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
     "location of the node: replicas of a partition are placed in different racks if possible",
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
     "period in which leaders are moved back to their preferred replicas, after a failover for "
     "example [300]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.balance_s, text, 1, 86'400);
     }},
    {"replica-lag-time-max-ms",
     "time after which a follower that lags is no longer in sync [10000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.replica_lag_time_max_ms, text, 100, 3'600'000);
     }},
    {"scrub-bytes-per-second",
     "rate at which a leader reads to compare its replicas, in bytes per second; 0: no comparison "
     "[4000000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.scrub_bytes_per_second, text, 0, int64_t{1} << 40);
     }},
    {"scrub-interval-ms", "interval between comparisons of whole replicas [21600000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.scrub_interval_ms, text, 1, int64_t{1} << 40);
     }},
    {"metadata-snapshot-commands", "",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.cluster.snapshot_commands, text, 5, 1'000'000);
     }},
    {"compat", "ksqldb: use the defaults of ksqlDB [none]", set_compat},
    {"checkpoint-interval-ms", "",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.checkpoint_policy.interval_ms, text, 1, 3'600'000);
     }},
    {"checkpoint-journal-bytes", "",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.checkpoint_policy.journal_bytes, text, 1, int64_t{1} << 40);
     }},
    {"checkpoint-chunk-keys", "",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.checkpoint_policy.chunk_keys, text, 1, 1'000'000);
     }},
    {"log-retention-check-interval-ms", "interval of retention and compaction [10000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.log_retention_check_interval_ms, text, 1, 86'400'000);
     }},
    // Defaults for topics that do not have a setting themselves, under Kafka's names.
    {"log-retention-ms", "retention.ms of topics that do not set it; -1: no limit [-1]",
     [](NodeSettings& s, const std::string& text) {
       return set_retention(s.log_retention_ms, text, INT64_MAX);
     }},
    {"log-retention-minutes", "the same in minutes; ignored if log-retention-ms is set",
     [](NodeSettings& s, const std::string& text) {
       return set_retention(s.log_retention_minutes, text, INT32_MAX);
     }},
    {"log-retention-hours", "the same in hours; ignored if one of the other two is set",
     [](NodeSettings& s, const std::string& text) {
       return set_retention(s.log_retention_hours, text, INT32_MAX);
     }},
    {"log-retention-bytes", "retention.bytes of topics that do not set it; -1: no limit [-1]",
     [](NodeSettings& s, const std::string& text) {
       return set_topic_default(s, "retention.bytes", text);
     }},
    {"log-cleanup-policy",
     "cleanup.policy of topics that do not set it: delete, compact or both [delete]",
     [](NodeSettings& s, const std::string& text) {
       return set_topic_default(s, "cleanup.policy", text);
     }},
    {"message-max-bytes", "max.message.bytes of topics that do not set it [67108864]",
     [](NodeSettings& s, const std::string& text) {
       return set_topic_default(s, "max.message.bytes", text);
     }},
    {"connections-max-reauth-ms",
     "time after which a Kafka client that logged in with SASL must authenticate again; 0: never "
     "[0]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.connections_max_reauth_ms, text, 0, INT64_MAX / 1000);
     }},
    {"log-level", "debug, info, warn or error [info]", set_log_level_name},
    {"test-clock", "",
     [](NodeSettings& s, const std::string& text) { return set_bool(s.test_clock, text); }},
};

Error about(std::string_view place, const Error& error) {
  return Error{error.code, fmt::format("{}: {}", place, error.message), error.detail, error.hint};
}

// Returns the quoted name, with the nearest known setting if one is similar. `prefix` has the names of the tables that
// contain the setting, as in apply_table().
std::string unknown_setting(const std::string& name, std::string_view prefix) {
  std::vector<std::string> known;
  for (const SettingRow& row : kSettings) known.emplace_back(row.name);
  // A table such as [server] or [listeners] that no setting has: without its line the setting is known.
  if (!prefix.empty() && std::ranges::count(known, name.substr(prefix.size())) > 0)
    return fmt::format("\"{}\" (leave out the line [{}])", name,
                       prefix.substr(0, prefix.size() - 1));
  if (const std::string near = nearest_name(name, known); !near.empty())
    return fmt::format("\"{}\" (did you mean {}?)", name, near);
  // `name` contains the name of its table in the file: port in the table [kafka] is kafka-port.
  if (name == "listener" || name == "listeners")
    return fmt::format("\"{}\" (use kafka = \"127.0.0.1:9092\", without PLAINTEXT://)", name);
  if (name == "advertised-listeners" || name == "advertised.listeners")
    return fmt::format("\"{}\" (use kafka-advertised = \"HOST:PORT\", without PLAINTEXT://)", name);
  std::string_view hint = hint_for_foreign_option(name);
  if (hint.empty()) hint = hint_for_foreign_option(name.substr(name.find('-') + 1));
  return hint.empty() ? fmt::format("\"{}\"", name) : fmt::format("\"{}\" ({})", name, hint);
}

// Applies a table of the settings file; `prefix` has the names of the outer tables. `memory.limit = ...` and a table
// `[memory]` both mean memory-limit. Unknown names are collected in `unknown`, so that all of them are reported
// together.
Status apply_table(const std::string& path, const std::string& prefix, const toml::table& table,
                   NodeSettings& settings, std::vector<std::string>& unknown) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (node.is_table()) {
      TRY(apply_table(path, name + "-", *node.as_table(), settings, unknown));
      continue;
    }
    const auto* row = std::ranges::find(kSettings, name, &SettingRow::name);
    if (row == std::end(kSettings)) {
      unknown.push_back(unknown_setting(name, prefix));
      continue;
    }
    if (!node.is_string() && !node.is_integer() && !node.is_boolean())
      return Error{
          ErrorCode::InvalidParameter,
          fmt::format("{}: {}: neither a text nor a whole number nor true or false", path, name)};
    const std::string text = node.is_string()           ? node.as_string()->get()
                             : node.is_integer()        ? std::to_string(node.as_integer()->get())
                             : node.as_boolean()->get() ? "true"
                                                        : "false";
    if (const Status set = row->set(settings, text); !set)
      return about(fmt::format("{}: {}", path, name), set.error());
  }
  return {};
}

// Reads a settings file; converts the exceptions of toml++ to errors.
Status read_file(const std::string& path, NodeSettings& settings) {
  constexpr std::string_view kForm =
      "A line has a name, = and a value, and texts are in double quotes: pg = \"127.0.0.1:7432\". "
      "millrace server --help lists the names.";
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  if (!std::filesystem::exists(status) || std::filesystem::is_directory(status))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read the file of --config, {}: {}", path,
                             std::filesystem::is_directory(status) ? std::string("Is a directory")
                             : problem                             ? problem.message()
                                       : std::string("No such file or directory")),
                 {},
                 fmt::format("--config names a TOML file. {}", kForm)};
  try {
    std::vector<std::string> unknown;
    TRY(apply_table(path, "", toml::parse_file(path), settings, unknown));
    if (unknown.empty()) return {};
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{}: unrecognized setting {}", path, fmt::join(unknown, ", ")),
                 {},
                 "A setting is an option of the server without its dashes: data-dir = "
                 "\"/var/lib/millrace\". millrace server --help lists the options."};
  } catch (const toml::parse_error& error) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read {}, line {}: {}", path, error.source().begin.line,
                             error.description()),
                 {},
                 std::string(kForm)};
  } catch (const std::exception& error) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("cannot read {}: {}", path, error.what())};
  }
}

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

constexpr std::string_view kVariablePrefix = "MILLRACE_";
// Variables of the test suites, which every server that a test starts inherits.
constexpr std::string_view kTestVariables[] = {
    "MILLRACE_CRASH_POINT=", "MILLRACE_BINARY=", "MILLRACE_TEST_LANE=", "MILLRACE_SIM="};

std::string variable_name(std::string_view setting) {
  std::string name(kVariablePrefix);
  for (const char c : setting)
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Status read_variables(NodeSettings& settings) {
  for (const SettingRow& row : kSettings) {
    const std::string name = variable_name(row.name);
    const char* text = std::getenv(name.c_str());
    if (!text) continue;
    if (const Status set = row.set(settings, text); !set) return about(name, set.error());
  }
  return {};
}

std::vector<std::string> unknown_variables() {
  std::vector<std::string> known;  // without the prefix, which would make all names similar
  for (const SettingRow& row : kSettings)
    known.push_back(variable_name(row.name).substr(kVariablePrefix.size()));
  std::vector<std::string> unknown;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    if (!text.starts_with(kVariablePrefix)) continue;
    if (std::ranges::any_of(kTestVariables,
                            [&](std::string_view its) { return text.starts_with(its); }))
      continue;
    const std::string name(
        text.substr(kVariablePrefix.size(), text.find('=') - kVariablePrefix.size()));
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest_name(name, known);
    unknown.push_back(fmt::format("{}{}", kVariablePrefix, name));
    if (!near.empty())
      unknown.back() += fmt::format(" (did you mean {}{}?)", kVariablePrefix, near);
  }
  return unknown;
}

}  // namespace

std::map<std::string, std::string> topic_defaults(const NodeSettings& settings) {
  constexpr int64_t kMinute = 60'000, kHour = 3'600'000;
  const auto in_ms = [](int64_t count, int64_t unit) {
    return std::to_string(count < 0 ? -1 : count * unit);
  };
  std::map<std::string, std::string> defaults = settings.topic_defaults;
  if (settings.log_retention_ms)
    defaults["retention.ms"] = std::to_string(*settings.log_retention_ms);
  else if (settings.log_retention_minutes)
    defaults["retention.ms"] = in_ms(*settings.log_retention_minutes, kMinute);
  else if (settings.log_retention_hours)
    defaults["retention.ms"] = in_ms(*settings.log_retention_hours, kHour);
  return defaults;
}

size_t memory_limit_bytes(const NodeSettings& settings) {
  return settings.memory_limit_bytes > 0 ? settings.memory_limit_bytes : machine_memory_bytes() / 4;
}

size_t state_memory_bytes(const NodeSettings& settings) {
  return settings.state_memory_bytes.value_or(memory_limit_bytes(settings) / 8 * 3);
}

ServerArguments read_server_arguments(int argc, const char* const* argv) {
  ServerArguments arguments;
  CLI::App app("Runs a server until SIGTERM or Ctrl-C.", "millrace server");
  app.footer(
      "Each setting may also come from the file (data-dir = \"...\") or from a variable: "
      "MILLRACE_DATA_DIR, MILLRACE_KAFKA, ...\n\n"
      "Examples:\n  millrace server\n  millrace server --data-dir /var/lib/millrace --pg "
      "0.0.0.0:7432 --kafka 0.0.0.0:9092 --insecure\n  millrace server --pg 127.0.0.1:0 --kafka "
      "127.0.0.1:0 --http 127.0.0.1:0");
  std::string file;
  app.add_option("--config", file, "a TOML file with settings");
  std::map<std::string_view, std::string> flags;
  for (const SettingRow& row : kSettings)
    app.add_option("--" + std::string(row.name), flags[row.name], std::string(row.doc))
        ->group(row.doc.empty() ? "" : "Options")
        ->expected(row.name == "insecure" ? 0 : 1, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    arguments.is_over = true;
    arguments.exit_code = exit_status(app, error);
    return arguments;
  }
  Status status = file.empty() ? Status{} : read_file(file, arguments.settings);
  if (status) status = read_variables(arguments.settings);
  for (const SettingRow& row : kSettings) {
    if (!status || app.count("--" + std::string(row.name)) == 0) continue;
    if (const Status set = row.set(arguments.settings, flags[row.name]); !set)
      status = about("--" + std::string(row.name), set.error());
  }
  arguments.unknown_variables = unknown_variables();
  if (status) status = check_exposure(arguments.settings);
  if (status) status = check_security(arguments.settings);
  if (status) status = check_tokens(arguments.settings.security.tokens);
  if (status) status = check_listeners(arguments.settings);
  if (status) status = check_registry(arguments.settings);
  if (status) status = check_connect(arguments.settings);
  if (status) status = check_console(arguments.settings);
  if (status) status = check_cluster(arguments.settings);
  if (!status) {
    fmt::print(stderr, "error: {}\n", status.error().message);
    fmt::print(stderr, "{}\n",
               status.error().hint.empty() ? "Try: millrace server --help"
                                           : "hint: " + status.error().hint);
    arguments.is_over = true;
    arguments.exit_code = 2;
  }
  return arguments;
}

}  // namespace server
