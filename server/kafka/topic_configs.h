// The settings that a topic can have, by Kafka's names
// (https://kafka.apache.org/documentation/#topicconfigs).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "storage/meta/topic_table.h"

namespace server::kafka {

// As DescribeConfigs numbers them.
enum class ConfigType : int8_t { Boolean = 1, String = 2, Int = 3, Long = 5, Double = 6, List = 7 };

struct TopicConfigRow {
  std::string_view name;
  ConfigType type;
  std::string_view default_value;  // what we do when nothing is set, which may differ from Kafka's
  std::string_view doc;
  std::string_view choices;  // separated by commas; empty: any value of the type
  // Accepted and told, because nothing is lost by keeping records longer than asked.
  bool is_only_kept = false;
};

std::span<const TopicConfigRow> topic_configs();
// nullptr when there is none of this name.
const TopicConfigRow* find_topic_config(std::string_view name);
// Fails with InvalidParameter: an unknown name, or a value that the setting does not take.
Status check_topic_config(std::string_view name, std::string_view value);
// As set, or the default.
std::string_view topic_config(const storage::TopicInfo& topic, std::string_view name);

}  // namespace server::kafka
