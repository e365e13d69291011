// The settings of consumer groups and share groups, by Kafka's names
// (https://kafka.apache.org/documentation/#groupconfigs). A pure state machine over the
// "group-configs" parts of the metadata log.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/meta/topic_configs.h"

namespace storage {

// A "group-configs" part of a metadata command or snapshot.
inline constexpr std::string_view kGroupConfigsPart = "group-configs";

// A setting whose value is an integer, or one of several words.
struct GroupConfigRow {
  std::string_view name;
  std::string_view broker_name;  // name of the server setting with the default; empty: none
  std::string_view doc;
  int64_t least = 0, most = 0;
  std::string_view words = {};  // values, separated by blanks, the default first; empty: a number
  bool is_number() const { return words.empty(); }
};
inline constexpr std::string_view kConsumerSessionTimeoutMs = "consumer.session.timeout.ms",
                                  kConsumerHeartbeatIntervalMs = "consumer.heartbeat.interval.ms",
                                  kShareSessionTimeoutMs = "share.session.timeout.ms",
                                  kShareHeartbeatIntervalMs = "share.heartbeat.interval.ms",
                                  kShareRecordLockDurationMs = "share.record.lock.duration.ms",
                                  kShareDeliveryCountLimit = "share.delivery.count.limit",
                                  kSharePartitionMaxRecordLocks =
                                      "share.partition.max.record.locks",
                                  kShareAutoOffsetReset = "share.auto.offset.reset",
                                  kShareIsolationLevel = "share.isolation.level";

std::span<const GroupConfigRow> group_configs();
// Returns nullptr if no setting has this name.
const GroupConfigRow* find_group_config(std::string_view name);

using GroupConfig = std::map<std::string, std::string>;
// Settings by group id. A group without settings has no entry.
using GroupConfigs = std::map<std::string, GroupConfig, std::less<>>;

// Returns the value that was set for the group. Returns nothing if none was set, or if a newer
// version has set a value that this version cannot read.
std::optional<int64_t> group_config_number(const GroupConfigs& all, std::string_view group,
                                           std::string_view name);
// Returns the value that was set for the group, or else the default.
std::string_view group_config_text(const GroupConfigs& all, std::string_view group,
                                   std::string_view name);

// Prefix of a value of share.auto.offset.reset that has a duration (KIP-1106).
inline constexpr std::string_view kByDuration = "by_duration:";
// Returns the duration in a value such as "by_duration:PT1H", in ms. Fails with InvalidParameter.
Result<int64_t> begin_duration_ms(std::string_view by_duration);

// Returns the settings of a group after the changes. Fails with InvalidParameter.
Result<GroupConfig> changed_group_config(const GroupConfig& now,
                                         std::span<const ConfigChange> changes);

// Encodes the settings of the group, which replace all of its earlier settings.
std::string encode_group_config(const std::string& group, const GroupConfig& config);
// Returns the settings after the change. Fails with IncompatibleFormat, StorageFailure or
// LimitExceeded, in the same way on all nodes.
Result<GroupConfigs> apply_group_configs(const GroupConfigs& now, std::string_view part);
// Encodes all settings, as a change to an empty state.
std::string encode_group_configs(const GroupConfigs& all);

}  // namespace storage
