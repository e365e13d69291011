// The settings that a consumer group or a share group can have, by Kafka's names (https://kafka.apache.org/documentation/#groupconfigs):
// a pure state machine over the "group-configs" parts of the metadata log.
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

// A whole number, or one of some words.
struct GroupConfigRow {
  std::string_view name;
  std::string_view broker_name;  // the server's default of it; empty: it has none
  std::string_view doc;
  int64_t least = 0, most = 0;
  std::string_view words =
      {};  // each behind the other with a blank between, the default first; empty: a number
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
// nullptr when there is none of this name.
const GroupConfigRow* find_group_config(std::string_view name);

using GroupConfig = std::map<std::string, std::string>;
// By group; one without settings is not in it.
using GroupConfigs = std::map<std::string, GroupConfig, std::less<>>;

// As set; nothing when it is not. What a newer version has set and cannot be read here counts as nothing.
std::optional<int64_t> group_config_number(const GroupConfigs& all, std::string_view group,
                                           std::string_view name);
// As set, or its default.
std::string_view group_config_text(const GroupConfigs& all, std::string_view group,
                                   std::string_view name);

// Of share.auto.offset.reset, before the duration (KIP-1106).
inline constexpr std::string_view kByDuration = "by_duration:";
// "by_duration:PT1H": how long ago, in ms. Fails with InvalidParameter.
Result<int64_t> begin_duration_ms(std::string_view by_duration);

// The settings of a group when the changes are made. Fails with InvalidParameter.
Result<GroupConfig> changed_group_config(const GroupConfig& now,
                                         std::span<const ConfigChange> changes);

// That these are all settings of the group from now on.
std::string encode_group_config(const std::string& group, const GroupConfig& config);
// Fails with IncompatibleFormat, StorageFailure or LimitExceeded; all nodes fail alike.
Result<GroupConfigs> apply_group_configs(const GroupConfigs& now, std::string_view part);
// The whole state as a change of none.
std::string encode_group_configs(const GroupConfigs& all);

}  // namespace storage
