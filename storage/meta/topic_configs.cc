#include "storage/meta/topic_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/sized.h"
#include "base/suggest.h"
#include "storage/meta/closed_partition.h"

namespace storage {

namespace {

using enum ConfigType;

constexpr std::string_view kWithoutEffect = "stored and shown, without effect here";
constexpr std::string_view kForFiles = "for Kafka's files; without effect here";
constexpr std::string_view kForTiers = "for Kafka's tiered storage; without effect here";
constexpr std::string_view kRemoteStorage = "remote.storage.enable";
constexpr std::string_view kNoLimit = "9223372036854775807";

// The ranges are those of Kafka's LogConfig.
constexpr TopicConfigRow kRows[] = {
    {"cleanup.policy", "log.cleanup.policy", List, "delete",
     "delete: records are removed by age and size; compact: the newest record of each key is kept",
     "delete,compact"},
    {"compression.gzip.level", "compression.gzip.level", Int, "-1", kWithoutEffect, "", -1, 9},
    {"compression.lz4.level", "compression.lz4.level", Int, "9", kWithoutEffect, "", 1, 17},
    {"compression.type", "compression.type", String, "producer",
     "batches are stored with the compression of their producers, whatever the value",
     "producer,uncompressed,gzip,snappy,lz4,zstd"},
    {"compression.zstd.level", "compression.zstd.level", Int, "3", kWithoutEffect, "", -131072, 22},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms", Long, "86400000",
     "how long compaction keeps a record without a value after it first sees it", "", 0},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms", Long, "60000", kForFiles, "", 0},
    {"flush.messages", "log.flush.interval.messages", Long, kNoLimit,
     "every record is on disk before it is acknowledged, whatever the value", "", 1},
    {"flush.ms", "log.flush.interval.ms", Long, kNoLimit,
     "every record is on disk before it is acknowledged, whatever the value", "", 0},
    {"follower.replication.throttled.replicas", "", List, "", kWithoutEffect},
    {"index.interval.bytes", "log.index.interval.bytes", Int, "4096", kForFiles, "", 0},
    {"leader.replication.throttled.replicas", "", List, "", kWithoutEffect},
    {"local.retention.bytes", "log.local.retention.bytes", Long, "-2", kForTiers, "", -2},
    {"local.retention.ms", "log.local.retention.ms", Long, "-2", kForTiers, "", -2},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", Long, kNoLimit,
     "maximum age of a record before compaction processes it", "", 1},
    {"max.message.bytes", "message.max.bytes", Int, "67108864",
     "the largest record batch that the topic accepts", "", 0},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", Long, "3600000",
     "how far the timestamp of a record may be ahead of the server's clock", "", 0},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", Long, kNoLimit,
     "how far the timestamp of a record may be behind the server's clock", "", 0},
    {"message.timestamp.type", "log.message.timestamp.type", String, "CreateTime",
     "origin of a record's timestamp: the producer, or the server at the time of the append",
     "CreateTime,LogAppendTime"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", Double, "0.5",
     "share of the partition that must be new since the last compaction before the next one starts",
     "", 0, 1},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", Long, "0",
     "minimum age of a record before compaction may remove it", "", 0},
    {kMinInsyncReplicas, kMinInsyncReplicas, Int, "1",
     "number of replicas that must be in sync for acks=all; all replicas if the topic has fewer",
     "", 1},
    {"preallocate", "log.preallocate", Boolean, "false", kForFiles},
    {"remote.log.copy.disable", "", Boolean, "false", kForTiers},
    {"remote.log.delete.on.disable", "", Boolean, "false", kForTiers},
    {kRemoteStorage, "", Boolean, "false",
     "tiered storage is not supported: all records stay on the server"},
    {"retention.bytes", "log.retention.bytes", Long, "-1",
     "maximum size of the record batches of a partition in bytes; -1: no limit"},
    {"retention.ms", "log.retention.ms", Long, "-1",
     "how long records are kept after they were appended; -1: no limit", "", -1},
    {"segment.bytes", "log.segment.bytes", Int, "1073741824",
     "a partition is compacted when it has this many new bytes, or a megabyte", "", 14},
    {"segment.index.bytes", "log.index.size.max.bytes", Int, "10485760", kForFiles, "", 4},
    {"segment.jitter.ms", "log.roll.jitter.ms", Long, "0", kForFiles, "", 0},
    {"segment.ms", "log.roll.ms", Long, "604800000",
     "a partition is compacted when its new records are this old, even if there are few of them",
     "", 1},
    {"unclean.leader.election.enable", "unclean.leader.election.enable", Boolean, "false",
     kWithoutEffect},
};

// Limit for the size of a text: all texts are in memory and in each snapshot.
constexpr size_t kMaxValueSize = 4096;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
bool is_in_range(std::string_view text, const TopicConfigRow& row) {
  const auto number = number_of<Number>(text);
  return number && static_cast<double>(*number) >= row.least &&
         static_cast<double>(*number) <= row.most;
}

bool is_value_of(std::string_view value, const TopicConfigRow& row) {
  switch (row.type) {
    case Boolean:
      return value == "true" || value == "false";
    case Int:
      return is_in_range<int32_t>(value, row);
    case Long:
      return is_in_range<int64_t>(value, row);
    case Double:
      return is_in_range<double>(value, row);
    case String:
    case List:
      return value.size() <= kMaxValueSize;
  }
  return false;
}

std::vector<std::string_view> parts_of(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    parts.push_back(list.substr(0, comma));
    while (parts.back().starts_with(' ')) parts.back().remove_prefix(1);
    while (parts.back().ends_with(' ')) parts.back().remove_suffix(1);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

bool is_choice(const TopicConfigRow& row, std::string_view value) {
  return std::ranges::count(parts_of(row.choices), value) > 0;
}

bool are_choices(const TopicConfigRow& row, std::string_view value) {
  if (row.type != List) return is_choice(row, value);
  const auto parts = parts_of(value);
  return !parts.empty() &&
         std::ranges::all_of(parts, [&](std::string_view part) { return is_choice(row, part); });
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string list;
  for (const std::string_view part : parts) {
    if (!list.empty()) list += ',';
    list += part;
  }
  return list;
}

// Returns the list after the change: its elements are appended, unless they are in the list, or
// removed.
std::string changed_list(std::string_view now, const ConfigChange& change) {
  std::vector<std::string_view> parts = parts_of(now);
  for (const std::string_view part : parts_of(change.value)) {
    const auto known = std::ranges::find(parts, part);
    if (change.kind == ConfigChange::Kind::Subtract && known != parts.end())
      parts.erase(known);
    else if (change.kind == ConfigChange::Kind::Append && known == parts.end())
      parts.push_back(part);
  }
  return joined(parts);
}

// Returns the setting in milliseconds for a name that ends with another unit: retention.ms=18000000 for retention.hours
// and 5. Without a number it returns the name alone. Empty if no such setting exists.
std::string in_milliseconds(std::string_view name, std::string_view value) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {".days", 86'400'000}, {".hours", 3'600'000}, {".minutes", 60'000}, {".seconds", 1'000}};
  constexpr int64_t kMost = 1'000'000;  // keeps the product in range
  for (const auto& [unit, unit_ms] : kUnits) {
    if (!name.ends_with(unit)) continue;
    const std::string meant = fmt::format("{}.ms", name.substr(0, name.size() - unit.size()));
    if (!find_topic_config(meant)) return {};
    const auto number = number_of<int64_t>(value);
    if (!number || *number < 0 || *number > kMost) return meant;
    return fmt::format("{}={}", meant, *number * unit_ms);
  }
  return {};
}

// The message includes the remedy, because Kafka's clients show only the message of an error.
Error unknown(std::string_view name, std::string_view value) {
  std::vector<std::string> names;
  std::string near = in_milliseconds(name, value);
  for (const TopicConfigRow& row : kRows) {
    names.emplace_back(row.name);
    // "retention" is completed to retention.ms and not to retention.bytes, because most users mean
    // the age.
    if (row.name == fmt::format("{}.ms", name)) near = row.name;
  }
  if (near.empty()) near = nearest_name(name, names);
  return {ErrorCode::InvalidParameter,
          fmt::format("topic setting \"{}\" does not exist, or is not supported yet{}", name,
                      near.empty() ? "" : fmt::format("; did you mean {}?", near))};
}

// Returns the milliseconds that "1d", "12h", "30m" or "10s" mean; nothing for another text.
std::optional<int64_t> milliseconds_of(std::string_view text) {
  constexpr std::pair<char, int64_t> kUnits[] = {
      {'d', 86'400'000}, {'h', 3'600'000}, {'m', 60'000}, {'s', 1'000}};
  constexpr int64_t kMost = 1'000'000;  // keeps the product in range
  if (text.empty()) return std::nullopt;
  for (const auto& [letter, unit_ms] : kUnits)
    if (text.back() == letter)
      if (const auto number = number_of<int64_t>(text.substr(0, text.size() - 1));
          number && *number >= 0 && *number <= kMost)
        return *number * unit_ms;
  return std::nullopt;
}

// Returns a text that describes the values that the setting accepts.
std::string values_of(const TopicConfigRow& row, std::string_view wrong_value) {
  if (row.type == Boolean) return "true or false";
  if (row.type == String || row.type == List)
    return fmt::format("a text of at most {} bytes", kMaxValueSize);
  std::string values = row.type == Double ? "a number" : "a whole number";
  const bool is_time = row.name.ends_with(".ms");
  if (is_time || row.name.ends_with(".bytes")) values += is_time ? " of milliseconds" : " of bytes";
  if (row.most < TopicConfigRow().most)
    values += fmt::format(" from {} to {}", row.least, row.most);
  else if (row.least > TopicConfigRow().least)
    values += fmt::format(", {} or more", row.least);
  if (const auto ms = milliseconds_of(wrong_value); ms && is_time)
    values += fmt::format(" ({} is {})", wrong_value, *ms);
  return values;
}

}  // namespace

std::span<const TopicConfigRow> topic_configs() { return kRows; }

const TopicConfigRow* find_topic_config(std::string_view name) {
  const auto* found = std::ranges::find(kRows, name, &TopicConfigRow::name);
  return found == std::end(kRows) ? nullptr : found;
}

Status check_topic_config(std::string_view name, std::string_view value) {
  const TopicConfigRow* row = find_topic_config(name);
  if (!row) return unknown(name, value);
  if (!is_value_of(value, *row))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a value of topic setting \"{}\", which takes {}", value,
                             name, values_of(*row, value))};
  if (name == kRemoteStorage && value == "true")
    return Error{ErrorCode::InvalidParameter,
                 "topic setting \"remote.storage.enable\" cannot be true: tiered storage is not "
                 "supported, and all records stay on the server"};
  if (!row->choices.empty() && !are_choices(*row, value))
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("topic setting \"{}\" takes {}, not \"{}\"", name, row->choices, value)};
  return {};
}

namespace {

struct Origin {
  ConfigOrigin origin = ConfigOrigin::Program;
  std::string_view value = {};
};

Origin find_origin(const TopicInfo& topic, std::string_view name) {
  const std::string key(name);
  if (const auto set = topic.config.find(key); set != topic.config.end())
    return {ConfigOrigin::Topic, set->second};
  if (topic.defaults) {
    const TopicDefaults& defaults = *topic.defaults;
    if (const auto set = defaults.cluster_wide.find(key); set != defaults.cluster_wide.end())
      return {ConfigOrigin::ClusterWide, set->second};
    if (const auto set = defaults.started_with.find(key); set != defaults.started_with.end())
      return {ConfigOrigin::Start, set->second};
  }
  const TopicConfigRow* row = find_topic_config(name);
  return {ConfigOrigin::Program, row ? row->default_value : std::string_view()};
}

}  // namespace

std::string_view topic_config(const TopicInfo& topic, std::string_view name) {
  return find_origin(topic, name).value;
}

ConfigOrigin origin_of(const TopicInfo& topic, std::string_view name) {
  return find_origin(topic, name).origin;
}

int64_t topic_config_number(const TopicInfo& topic, std::string_view name) {
  const TopicConfigRow* row = find_topic_config(name);
  const std::string_view set = topic_config(topic, name);
  return number_of<int64_t>(is_value_of(set, *row) ? set : row->default_value).value_or(0);
}

std::optional<int32_t> own_min_insync(const TopicInfo& topic) {
  if (!topic.config.contains(kMinInsyncReplicas)) return std::nullopt;
  // A topic has far fewer replicas, so the smaller number has the same effect. kClosedForAppends is
  // not a minimum.
  return static_cast<int32_t>(
      std::min<int64_t>(topic_config_number(topic, kMinInsyncReplicas), kClosedForAppends - 1));
}

bool has_cleanup_policy(const TopicInfo& topic, std::string_view policy) {
  return std::ranges::count(parts_of(topic_config(topic, "cleanup.policy")), policy) > 0;
}

bool has_append_time(const TopicInfo& topic) {
  return topic_config(topic, "message.timestamp.type") == "LogAppendTime";
}

Result<std::map<std::string, std::string>> changed_configs(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes) {
  std::map<std::string, std::string> next = now;
  for (const ConfigChange& change : changes) {
    // The deletion of an unknown name succeeds, as in Kafka. MirrorMaker 2 deletes each setting
    // that has its default value at the source, including settings that only the source's version
    // knows.
    if (change.kind == ConfigChange::Kind::Delete) {
      next.erase(change.name);
      continue;
    }
    const TopicConfigRow* row = find_topic_config(change.name);
    if (!row) return unknown(change.name, change.value);
    std::string value = change.value;
    if (change.kind != ConfigChange::Kind::Set) {
      if (row->type != List)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("topic setting \"{}\" is not a list", change.name)};
      const auto set = next.find(change.name);
      value = changed_list(set == next.end() ? row->default_value : set->second, change);
    }
    TRY(check_topic_config(change.name, value));
    next[change.name] = std::move(value);
  }
  return next;
}

namespace {

// part = version u8, count of settings varint, settings * (name, value)
constexpr uint8_t kDefaultsVersion = 1;

}  // namespace

std::string encode_topic_defaults(const std::map<std::string, std::string>& defaults) {
  std::string part(1, static_cast<char>(kDefaultsVersion));
  append_varint(part, defaults.size());
  for (const auto& [name, value] : defaults) {
    append_sized(part, name);
    append_sized(part, value);
  }
  return part;
}

Result<std::map<std::string, std::string>> decode_topic_defaults(std::string_view part) {
  const Error damaged{ErrorCode::StorageFailure, "a change of the topics' defaults is damaged"};
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged;
  if (version > kDefaultsVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of the topics' defaults was written by a newer version"};
  std::map<std::string, std::string> defaults;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    defaults[std::move(name)] = read_sized(in);
  }
  if (!in.ok() || !in.at_end()) return damaged;
  return defaults;
}

const TopicConfigRow* find_topic_default(std::string_view broker_name) {
  if (broker_name.empty() || broker_name == kMinInsyncReplicas) return nullptr;
  const auto* found = std::ranges::find(kRows, broker_name, &TopicConfigRow::broker_name);
  return found == std::end(kRows) ? nullptr : found;
}

Result<std::map<std::string, std::string>> changed_topic_defaults(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes) {
  std::vector<ConfigChange> by_topic_names;
  for (const ConfigChange& change : changes)
    if (const TopicConfigRow* row = find_topic_default(change.name))
      by_topic_names.push_back({std::string(row->name), change.kind, change.value});
    else if (change.kind != ConfigChange::Kind::Delete)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" is not a setting for all topics", change.name)};
  return changed_configs(now, by_topic_names);
}

}  // namespace storage
