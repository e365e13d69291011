#include "storage/meta/group_configs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/iso_duration.h"
#include "base/sized.h"

namespace storage {

namespace {

// part  = version u8, count of groups varint, groups * (id, count of settings varint, settings * (name, value))
constexpr uint8_t kGroupConfigVersion = 1;

// The number of groups with settings is limited, because each change copies the settings of all
// groups.
constexpr size_t kMostGroups = 10'000;

// The ranges are those that Kafka's broker has by default for the corresponding settings; for the
// locks of share groups, the widest ranges that the broker accepts.
constexpr GroupConfigRow kGroupRows[] = {
    {kConsumerHeartbeatIntervalMs, "group.consumer.heartbeat.interval.ms",
     "interval of heartbeats of members that use the consumer protocol", 5'000, 15'000},
    {kConsumerSessionTimeoutMs, "group.consumer.session.timeout.ms",
     "time without a heartbeat after which a member that uses the consumer protocol is removed",
     45'000, 60'000},
    {kShareHeartbeatIntervalMs, "group.share.heartbeat.interval.ms",
     "interval of heartbeats of members of a share group", 5'000, 15'000},
    {kShareSessionTimeoutMs, "group.share.session.timeout.ms",
     "time without a heartbeat after which a member of a share group is removed", 45'000, 60'000},
    {kShareRecordLockDurationMs, "group.share.record.lock.duration.ms",
     "time that a member of a share group has for a record before others get it", 1'000, 3'600'000},
    {kShareDeliveryCountLimit, "group.share.delivery.count.limit",
     "number of times that a share group delivers a record", 2, 10},
    {kSharePartitionMaxRecordLocks, "group.share.partition.max.record.locks",
     "maximum number of records of a partition that a share group has fetched and not acknowledged",
     100, 10'000},
    {kShareAutoOffsetReset, "",
     "position at which a share group starts in a partition that it has not read", 0, 0,
     "latest earliest"},
    {kShareIsolationLevel, "",
     "whether a share group reads records of transactions that are not committed", 0, 0,
     "read_uncommitted read_committed"},
};

bool is_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::string_view first = words.substr(0, words.find(' '));
    if (first == word) return true;
    words.remove_prefix(std::min(words.size(), first.size() + 1));
  }
  return false;
}

Error damaged_group_config() {
  return {ErrorCode::StorageFailure, "a change of groups' settings is damaged"};
}

std::optional<int64_t> number_in_group_config(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

Status check(const GroupConfigRow& row, std::string_view value) {
  if (!row.is_number()) {
    if (is_word(row.words, value)) return {};
    const bool may_be_duration = row.name == kShareAutoOffsetReset;
    if (may_be_duration && value.starts_with(kByDuration)) {
      TRY(begin_duration_ms(value));
      return {};
    }
    std::string choice(row.words);
    choice.replace(choice.find(' '), 1, may_be_duration ? ", " : " or ");
    if (may_be_duration) choice += " or by_duration:PT1H30M";
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("group setting \"{}\" takes {}, not \"{}\"", row.name, choice, value)};
  }
  const auto number = number_in_group_config(value);
  if (number && *number >= row.least && *number <= row.most) return {};
  return Error{ErrorCode::InvalidParameter,
               fmt::format("group setting \"{}\" takes {} to {}, not \"{}\"", row.name, row.least,
                           row.most, value)};
}

void append(std::string& part, const std::string& group, const GroupConfig& config) {
  append_sized(part, group);
  append_varint(part, config.size());
  for (const auto& [name, value] : config) {
    append_sized(part, name);
    append_sized(part, value);
  }
}

std::string begin_part(size_t groups) {
  std::string part(1, static_cast<char>(kGroupConfigVersion));
  append_varint(part, groups);
  return part;
}

}  // namespace

std::span<const GroupConfigRow> group_configs() { return kGroupRows; }

Result<int64_t> begin_duration_ms(std::string_view by_duration) {
  by_duration.remove_prefix(std::min(by_duration.size(), kByDuration.size()));
  return parse_iso_duration(by_duration);
}

const GroupConfigRow* find_group_config(std::string_view name) {
  const auto* found = std::ranges::find(kGroupRows, name, &GroupConfigRow::name);
  return found == std::end(kGroupRows) ? nullptr : found;
}

std::optional<int64_t> group_config_number(const GroupConfigs& all, std::string_view group,
                                           std::string_view name) {
  const auto found = all.find(group);
  if (found == all.end()) return std::nullopt;
  const auto set = found->second.find(std::string(name));
  if (set == found->second.end()) return std::nullopt;
  return number_in_group_config(set->second);
}

std::string_view group_config_text(const GroupConfigs& all, std::string_view group,
                                   std::string_view name) {
  const auto found = all.find(group);
  if (found != all.end())
    if (const auto set = found->second.find(std::string(name)); set != found->second.end())
      return set->second;
  const GroupConfigRow* row = find_group_config(name);
  return row ? row->words.substr(0, row->words.find(' ')) : std::string_view();
}

Result<GroupConfig> changed_group_config(const GroupConfig& now,
                                         std::span<const ConfigChange> changes) {
  GroupConfig next = now;
  for (const ConfigChange& change : changes) {
    // The deletion of an unknown name succeeds, as in Kafka.
    if (change.kind == ConfigChange::Kind::Delete) {
      next.erase(change.name);
      continue;
    }
    const GroupConfigRow* row = find_group_config(change.name);
    if (!row)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("groups have no setting \"{}\"", change.name)};
    if (change.kind != ConfigChange::Kind::Set)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("group setting \"{}\" is not a list", change.name)};
    TRY(check(*row, change.value));
    next[change.name] = change.value;
  }
  return next;
}

std::string encode_group_config(const std::string& group, const GroupConfig& config) {
  std::string part = begin_part(1);
  append(part, group, config);
  return part;
}

Result<GroupConfigs> apply_group_configs(const GroupConfigs& now, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_group_config();
  if (version > kGroupConfigVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of groups' settings was written by a newer version"};
  GroupConfigs changed = now;
  for (uint64_t groups = in.varint(); groups > 0 && in.ok(); --groups) {
    std::string group(read_sized(in));
    GroupConfig config;
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      std::string name(read_sized(in));
      config[std::move(name)] = read_sized(in);
    }
    if (config.empty())
      changed.erase(group);
    else
      changed[std::move(group)] = std::move(config);
  }
  if (!in.ok() || !in.at_end()) return damaged_group_config();
  if (changed.size() > kMostGroups)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("at most {} groups can have settings of their own", kMostGroups)};
  return changed;
}

std::string encode_group_configs(const GroupConfigs& all) {
  std::string part = begin_part(all.size());
  for (const auto& [group, config] : all) append(part, group, config);
  return part;
}

}  // namespace storage
