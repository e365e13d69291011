// The settings of topics, by Kafka's names (https://kafka.apache.org/documentation/#topicconfigs).
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

// The numbers are those of Kafka's DescribeConfigs.
enum class ConfigType : int8_t { Boolean = 1, String = 2, Int = 3, Long = 5, Double = 6, List = 7 };

struct TopicConfigRow {
  std::string_view name;
  // Name of the broker setting that has the default for all topics; empty: none.
  std::string_view broker_name;
  ConfigType type;
  // value if neither the topic nor the cluster sets one; may differ from Kafka's
  std::string_view default_value;
  std::string_view doc;
  std::string_view choices = "";  // separated by commas; empty: any value of the type
  // Range of a value that is a number.
  double least = -1e300, most = 1e300;
};

inline constexpr const char* kMinInsyncReplicas = "min.insync.replicas";

std::span<const TopicConfigRow> topic_configs();
// Returns nullptr if no setting has this name.
const TopicConfigRow* find_topic_config(std::string_view name);
// Fails with InvalidParameter for an unknown name, or a value that the setting does not accept.
Status check_topic_config(std::string_view name, std::string_view value);
// Returns the value that was set, or the default.
std::string_view topic_config(const TopicInfo& topic, std::string_view name);
// Returns the value of a setting that is a number. Returns the default if the stored value is not a
// number; an older version accepted such values.
int64_t topic_config_number(const TopicInfo& topic, std::string_view name);
// Returns the topic's own min.insync.replicas; nothing if the cluster's value applies.
std::optional<int32_t> own_min_insync(const TopicInfo& topic);
// for example "delete" or "compact"
bool has_cleanup_policy(const TopicInfo& topic, std::string_view policy);
// Returns whether the topic's records get the time of their append instead of the producer's time.
bool has_append_time(const TopicInfo& topic);

// The source from which topic_config() takes a value: the topic's own setting, a cluster-wide
// default, an option of the server's start, or the program's default.
enum class ConfigOrigin : int8_t { Topic, ClusterWide, Start, Program };
ConfigOrigin origin_of(const TopicInfo& topic, std::string_view name);

// One setting of an IncrementalAlterConfigs request (KIP-339).
struct ConfigChange {
  enum class Kind : int8_t { Set = 0, Delete = 1, Append = 2, Subtract = 3 };
  std::string name;
  Kind kind = Kind::Set;
  std::string value = "";  // for Append and Subtract: elements of a list
};
// Returns the settings of a topic after the changes. Fails with InvalidParameter.
Result<std::map<std::string, std::string>> changed_configs(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes);

// ---- Cluster-wide settings, for all topics that do not set them (Kafka's cluster-wide dynamic
// defaults, KIP-226).

// A "topic-defaults" part of a metadata command or snapshot. It replaces all cluster-wide settings.
inline constexpr std::string_view kTopicDefaultsPart = "topic-defaults";
std::string encode_topic_defaults(const std::map<std::string, std::string>& defaults);
// Fails with IncompatibleFormat or StorageFailure, in the same way on all nodes.
Result<std::map<std::string, std::string>> decode_topic_defaults(std::string_view part);

// `broker_name` is the name of a broker setting. Returns the topic setting for which it is the
// default, if the default can be changed while servers run; null otherwise. The default of
// min.insync.replicas cannot be changed: all nodes of a cluster must agree on it before they decide
// which replicas are in sync.
const TopicConfigRow* find_topic_default(std::string_view broker_name);
// Returns the cluster-wide settings after the changes, whose names are those of broker settings.
// Fails with InvalidParameter.
Result<std::map<std::string, std::string>> changed_topic_defaults(
    const std::map<std::string, std::string>& now, std::span<const ConfigChange> changes);

}  // namespace storage
