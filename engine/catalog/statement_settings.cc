#include "engine/catalog/statement_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "engine/catalog/client_properties.h"

namespace engine {

namespace {

constexpr std::string_view kStreamsPrefix = "ksql.streams.";
constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kLongestWaitMs = 3'600'000;
constexpr int64_t kMostViewRows = 100'000'000;

std::optional<int64_t> to_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}
template <int64_t least, int64_t most>
bool is_number(std::string_view value) {
  const auto number = to_number(value);
  return number && *number >= least && *number <= most;
}
// Accepts any text up to a limit, because each definition stores the text.
bool is_text(std::string_view value) { return value.size() <= 1000; }
bool is_boolean(std::string_view value) { return value == "true" || value == "false"; }
bool is_on_or_off(std::string_view value) { return value == "on" || value == "off"; }
bool is_offset_reset(std::string_view value) { return value == "earliest" || value == "latest"; }
bool is_consistency(std::string_view value) { return value == "latest" || value == "prefix"; }
bool is_view_mode(std::string_view value) { return value == "auto" || value == "recompute"; }
bool is_cycles(std::string_view value) { return value == "refuse" || value == "allow"; }
bool is_overflow(std::string_view value) { return value == "wrap" || value == "null"; }
// Accepts -1 (no limit) and limits of at least a day. With a smaller limit, a record that has the
// local time of another time zone as its time would be treated as if its producer's clock were
// wrong.
bool is_time_ahead(std::string_view value) {
  return value == "-1" || is_number<kDayMs, INT64_MAX>(value);
}
// Returns whether the value is a duration. It may have a unit, as in PostgreSQL's settings for
// durations.
bool is_wait(std::string_view value) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};
  const size_t digits = std::min(value.find_first_not_of("0123456789"), value.size());
  std::string_view word = value.substr(digits);
  while (word.starts_with(' ')) word.remove_prefix(1);
  const auto unit = std::ranges::find(kUnits, word, &std::pair<std::string_view, int64_t>::first);
  const auto count = to_number(value.substr(0, digits));
  return unit != std::end(kUnits) && count && *count <= kLongestWaitMs / unit->second;
}

using enum StatementSetting::Listed;
constexpr std::string_view kTrueOrFalse = "true or false",
                           kAnyText = "any text of at most 1000 bytes",
                           kCount = "a whole number, at least 0";
constexpr auto& is_count = is_number<0, INT64_MAX>;
constexpr std::string_view kSettingsListed = "SHOW PROPERTIES lists the settings of statements.";

// The settings at the end of the list are set by scripts for ksqlDB. They have no effect, because
// Millrace does not have the features that they configure.
constexpr StatementSetting kSettings[] = {
    {"auto.offset.reset", "earliest for CREATE ... AS, latest for EMIT CHANGES",
     "earliest or latest", is_offset_reset},
    {"cache.max.bytes.buffering", "updates of one batch are merged",
     "0 (every update of a table is written), or a number of bytes", is_count},
    {"join.table.bootstrap", "true where only the stream takes its time from a column",
     kTrueOrFalse, is_boolean},
    {"max.windows.per.record", "10000", "a number of windows, from 1 to 1000000",
     is_number<1, kMostWindowsPerRecord>},
    {"query.cycles", "refuse", "refuse or allow", is_cycles},
    {"read.consistency", "latest", "latest or prefix", is_consistency},
    {"read.staleness", "0", "a number of milliseconds, from 0 to 3600000, or a time like 10s",
     is_wait},
    {"read.wait.ms", "2000", "a number of milliseconds, from 0 to 3600000", is_wait},
    {"stream.time.max.ahead.ms", "-1",
     "-1 (off), or a number of milliseconds of at least a day (86400000)", is_time_ahead},
    {"sum.overflow", "null", "null or wrap", is_overflow},
    {"view.interval", "100", "a number of milliseconds, from 1 to 3600000",
     is_number<1, kLongestWaitMs>},
    {"view.mode", "auto", "auto or recompute", is_view_mode},
    {"view.recompute.rows", "1000000", "a number of rows, from 1 to 100000000",
     is_number<1, kMostViewRows>},
    {"view.unbounded_state", "off", "on or off", is_on_or_off},

    {"ksql.cast.strings.preserve.nulls", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.functions.collect_list.limit", "", "a whole number", is_number<-1, INT64_MAX>, No},
    {"ksql.functions.collect_set.limit", "", "a whole number", is_number<-1, INT64_MAX>, No},
    {"ksql.insert.into.values.enabled", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.output.topic.name.prefix", "", kAnyText, is_text},
    {"ksql.persistence.default.format.key", "", kAnyText, is_text},
    {"ksql.persistence.default.format.value", "", kAnyText, is_text},
    {"ksql.persistence.wrap.single.values", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.query.pull.limit.clause.enabled", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.query.pull.range.scan.enabled", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.query.pull.table.scan.enabled", "true", kTrueOrFalse, is_boolean, No},
    {"ksql.service.id", "", kAnyText, is_text, No},
    {"ksql.timestamp.throw.on.invalid", "false", kTrueOrFalse, is_boolean, No},

    {"commit.interval.ms", "", kCount, is_count, No},
    {"ksql.streams.commit.interval.ms", "", kCount, is_count, No},
    {"ksql.streams.cache.max.bytes.buffering", "", kCount, is_count, No},
    {"ksql.streams.num.stream.threads", "", kCount, is_count, No},
    {"ksql.streams.processing.guarantee", "", kAnyText, is_text, No},
    {"num.stream.threads", "", kCount, is_count, No},
    {"processing.guarantee", "", kAnyText, is_text, No},
};

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Settings of Flink and Spark that scripts set, by the beginning of their names. The first match applies.
struct ForeignSetting {
  std::string_view beginning, hint;
};
constexpr ForeignSetting kForeignSettings[] = {
    {"execution.runtime-mode",
     "Remove the statement. EMIT CHANGES makes a SELECT follow its sources."},
    {"execution.checkpointing.",
     "Remove the statement. Every query is exactly once, without checkpoints to set."},
    {"table.exec.state.ttl",
     "Remove the statement. The RETENTION of a window limits its state: WINDOW TUMBLING (SIZE 1 "
     "HOUR, RETENTION 1 DAY)."},
    {"table.local-time-zone", "Use SET TIME ZONE 'Asia/Karachi'."},
    {"table.exec.source.idle-timeout",
     "Remove the statement. Windows have no watermarks that wait for a partition."},
    {"parallelism.",
     "Remove the statement. The number of PARTITIONS of the topics limits the parallel tasks of a "
     "query."},
    {"spark.sql.shuffle.partitions", "Use PARTITIONS in the WITH of CREATE ... AS."},
    {"pipeline.", "Remove the statement, because this is a setting of Flink."},
    {"execution.", "Remove the statement, because this is a setting of Flink."},
    {"table.", "Remove the statement, because this is a setting of Flink."},
    {"sql-client.", "Remove the statement, because this is a setting of Flink."},
    {"spark.", "Remove the statement, because this is a setting of Spark."},
};

std::string hint_for_foreign_setting(std::string_view lower) {
  const auto* found = std::ranges::find_if(kForeignSettings, [&](const ForeignSetting& each) {
    return lower.starts_with(each.beginning);
  });
  return found == std::end(kForeignSettings) ? std::string() : std::string(found->hint);
}

std::string_view first_word(std::string_view name) { return name.substr(0, name.find('.')); }

}  // namespace

std::span<const StatementSetting> statement_settings() { return kSettings; }

bool is_statement_setting(std::string_view name) {
  return std::ranges::find(kSettings, in_lower_case(name), &StatementSetting::name) !=
         std::end(kSettings);
}

Status check_statement_setting(std::string_view name, std::string_view value,
                               std::span<const std::string> others) {
  const std::string lower = in_lower_case(name);
  const auto* known = std::ranges::find(kSettings, lower, &StatementSetting::name);
  if (known != std::end(kSettings)) {
    if (known->takes(value)) return {};
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("invalid value for \"{}\": \"{}\"", known->name, value.substr(0, 100)),
                 {},
                 fmt::format("It is {}.", known->values)};
  }
  std::vector<std::string> names(others.begin(), others.end());
  if (std::ranges::find(names, lower) != names.end()) return {};
  for (const StatementSetting& setting : kSettings) names.emplace_back(setting.name);
  std::string hint = did_you_mean(lower, names);
  const bool looks_like_ours = std::ranges::any_of(
      names, [&](const std::string& other) { return first_word(other) == first_word(lower); });
  if (hint.empty() && !looks_like_ours) return {};
  if (hint.empty()) hint = kSettingsListed;
  return Error{ErrorCode::UndefinedObject,
               fmt::format("unrecognized configuration parameter \"{}\"", name),
               {},
               std::move(hint)};
}

std::string setting_name(std::string_view name) {
  std::string lower = in_lower_case(name);
  if (is_statement_setting(lower) && !lower.starts_with(kStreamsPrefix)) return lower;
  if (lower.starts_with(kStreamsPrefix) &&
      is_statement_setting(std::string_view(lower).substr(kStreamsPrefix.size())))
    return lower.substr(kStreamsPrefix.size());
  return is_statement_setting(lower) ? lower : std::string();
}

Status check_property(std::string_view name, std::string_view value,
                      std::span<const std::string> others) {
  if (const std::string setting = setting_name(name); !setting.empty())
    return check_statement_setting(setting, value, others);
  const std::string lower = in_lower_case(name);
  if (lower == "ksql.schema.registry.url")
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("parameter \"{}\" cannot be changed without restarting the server", name),
        {},
        "Start the server with --schema-registry-url URL. Without it the registry is built "
        "in, at the address of --http."};
  if (is_client_property(lower) || std::ranges::find(others, lower) != others.end()) return {};
  std::vector<std::string> names(others.begin(), others.end());
  for (const StatementSetting& setting : kSettings) names.emplace_back(setting.name);
  for (const std::string_view known : client_properties()) names.emplace_back(known);
  const std::string foreign = hint_for_foreign_setting(lower);
  return Error{
      ErrorCode::UndefinedObject,
      fmt::format("Not recognizable as ksql, streams, consumer, or producer property: '{}'",
                  name.substr(0, 100)),
      {},
      foreign.empty() ? did_you_mean(lower, names, kSettingsListed) : foreign};
}

void unfold_streams_prefix(Properties& properties) {
  Properties unfolded;
  for (const auto& [name, value] : properties)
    if (name.starts_with(kStreamsPrefix))
      unfolded.emplace(name.substr(kStreamsPrefix.size()), value);
  properties.insert(unfolded.begin(), unfolded.end());
}

Properties default_statement_settings(const EngineSettings& settings) {
  Properties defaults;
  for (const StatementSetting& setting : kSettings)
    if (setting.listed == Yes) defaults[std::string(setting.name)] = setting.in_force;
  defaults["ksql.persistence.default.format.key"] = settings.default_key_format;
  defaults["ksql.persistence.default.format.value"] = settings.default_value_format;
  defaults["ksql.output.topic.name.prefix"] = settings.output_topic_prefix;
  if (settings.ksqldb_compat) {
    defaults["join.table.bootstrap"] = "false";
    defaults["sum.overflow"] = "wrap";
  }
  return defaults;
}

}  // namespace engine
