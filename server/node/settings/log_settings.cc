// The settings of the log, of topics and of checkpoints, and other settings of the server.
#include <fmt/format.h>

#include "server/node/settings.h"
#include "server/node/settings/setting_row.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

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

constexpr SettingRow kLogSettings[] = {
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
    {"log-retention-check-interval-ms", "time between two runs of retention and compaction [10000]",
     [](NodeSettings& s, const std::string& text) {
       return set_number(s.log_retention_check_interval_ms, text, 1, 86'400'000);
     }},
    // Defaults for topics that do not have a setting themselves, under Kafka's names.
    {"log-retention-ms", "retention.ms of topics that do not set it; -1: no limit [-1]",
     [](NodeSettings& s, const std::string& text) {
       return set_retention(s.log_retention_ms, text, INT64_MAX);
     }},
    {"log-retention-minutes", "retention.ms in minutes; ignored if log-retention-ms is set",
     [](NodeSettings& s, const std::string& text) {
       return set_retention(s.log_retention_minutes, text, INT32_MAX);
     }},
    {"log-retention-hours",
     "retention.ms in hours; ignored if log-retention-ms or log-retention-minutes is set",
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

}  // namespace

std::span<const SettingRow> log_settings() { return kLogSettings; }

}  // namespace server
