// The settings of memory, threads, connections and other limits of the server.
#include <fmt/format.h>

#include "base/memory_budget.h"
#include "base/topic_limits.h"
#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"

namespace server {

namespace {

// The smallest limit: with less memory, an ordinary batch of a Kafka client would be larger than a
// session's share.
constexpr size_t kLeastMemory = 64 << 20;

Status set_memory_limit(NodeSettings& settings, const std::string& text) {
  const size_t bytes = TRY(parse_bytes(text));
  if (bytes < kLeastMemory) {
    const bool has_no_unit = text.find_first_not_of("0123456789") == std::string::npos;
    const char* unit = bytes >= (kLeastMemory >> 20) ? "MB" : "GB";
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("\"{}\" is less than {}", text, format_bytes(kLeastMemory)),
        {},
        has_no_unit
            ? fmt::format("A number without a unit is a number of bytes. Write {}{}.", text, unit)
            : std::string()};
  }
  settings.memory_limit_bytes = bytes;
  return {};
}

constexpr SettingRow kLimitSettings[] = {
    {"memory-limit",
     "memory of clients and queries together, such as 512MB or 8GB [a quarter of the memory]",
     [](NodeSettings& s, const std::string& text) { return set_memory_limit(s, text); }},
    {"state-memory",
     "additional memory for tables of queries; rows that do not fit are read from the disk [three "
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
     "number of PostgreSQL connections that are reserved for superusers, if an access file is set "
     "[3]",
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
     "directory whose files connectors may read and write; they cannot use other files [none: "
     "connectors of files are switched off]",
     [](NodeSettings& s, const std::string& text) -> Status {
       s.native_connect.files_dir = text;
       return {};
     }},
    {"connect-threads", "maximum number of running tasks of connectors; further tasks wait [64]",
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
     "directory with secrets of connectors and links: ${file:NAME} in a property is the content of "
     "the file "
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
    {"read-wait-ms",
     "how long a SELECT waits for a query that makes no progress, for example to see the writes of "
     "its session [2000]",
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
     "largest COPY that is written as a whole or not at all, and largest transaction; at most an "
     "eighth of memory-limit [67108864]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.sql.copy_atomic_bytes, text, 1 << 16, int64_t{1} << 40);
     }},
    {"processing-log",
     "on: the stream KSQL_PROCESSING_LOG contains the errors of single records [on]",
     [](NodeSettings& s, const std::string& text) {
       return set_on_or_off(s.processing_log, text);
     }},
    // Settings of consumer groups, with Kafka's names and defaults. A file may also use Kafka's spelling, such
    // as group.max.size.
};

}  // namespace

std::span<const SettingRow> limit_settings() { return kLimitSettings; }

}  // namespace server
