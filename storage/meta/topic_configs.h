// The settings that a topic can have, by Kafka's names
// (https://kafka.apache.org/documentation/#topicconfigs).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/meta/topic_table.h"

namespace storage {

// As DescribeConfigs numbers them.
enum class ConfigType : int8_t { Boolean = 1, String = 2, Int = 3, Long = 5, Double = 6, List = 7 };

struct TopicConfigRow {
  std::string_view name;
  std::string_view broker_name;  // the broker's default of it; empty: there is none
  ConfigType type;
  std::string_view default_value;  // what we do when nothing is set, which may differ from Kafka's
  std::string_view doc;
  std::string_view choices = "";  // separated by commas; empty: any value of the type
  // Of numbers.
  double least = -1e300, most = 1e300;
};

inline constexpr const char* kMinInsyncReplicas = "min.insync.replicas";

std::span<const TopicConfigRow> topic_configs();
// nullptr when there is none of this name.
const TopicConfigRow* find_topic_config(std::string_view name);
// Fails with InvalidParameter: an unknown name, or a value that the setting does not take.
Status check_topic_config(std::string_view name, std::string_view value);
// As set, or the default.
std::string_view topic_config(const TopicInfo& topic, std::string_view name);
// Of a setting that is a number. What an older version has let pass and is none counts as the default.
int64_t topic_config_number(const TopicInfo& topic, std::string_view name);
// The topic's own min.insync.replicas; none: the cluster's holds.
std::optional<int32_t> own_min_insync(const TopicInfo& topic);
bool has_cleanup_policy(const TopicInfo& topic, std::string_view policy);  // "delete", "compact"
// Whether its records get the time of their append in place of their writer's.
bool has_append_time(const TopicInfo& topic);

// The place from which topic_config() takes its value.
enum class ConfigOrigin : int8_t { Topic, ClusterWide, Start, Program };
ConfigOrigin origin_of(const TopicInfo& topic, std::string_view name);

// One setting of an IncrementalAlterConfigs request (KIP-339).
struct ConfigChange {
  enum class Kind : int8_t { Set = 0, Delete = 1, Append = 2, Subtract = 3 };
  std::string name;
  Kind kind = Kind::Set;
  std::string value = "";  // of the last two: parts of a list
};
// The settings of a topic when the changes are made. Fails with InvalidParameter.
Result<std::map<std::string, std::string>> changed_configs(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes);

// ---- Settings for all topics that have none of their own (Kafka's cluster-wide dynamic defaults, KIP-226).

// A "topic-defaults" part of a metadata command or snapshot: these are all of them.
inline constexpr std::string_view kTopicDefaultsPart = "topic-defaults";
std::string encode_topic_defaults(const std::map<std::string, std::string>& defaults);
// Fails with IncompatibleFormat or StorageFailure; all nodes fail alike.
Result<std::map<std::string, std::string>> decode_topic_defaults(std::string_view part);

// The setting whose default the broker's setting of this name is and that can be set while servers run; null: none.
// min.insync.replicas is not one: the nodes of a cluster have to agree on it before they decide what is in sync.
const TopicConfigRow* find_topic_default(std::string_view broker_name);
// The defaults when the changes are made, which go by the broker's names. Fails with InvalidParameter.
Result<std::map<std::string, std::string>> changed_topic_defaults(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes);

}  // namespace storage
