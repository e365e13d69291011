// What Kafka clients ask of topics, as commands of the metadata log. Pure.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_configs.h"
#include "storage/meta/topic_table.h"

namespace server {

// In a cluster: how many replicas each partition of a new topic gets, or on which nodes they are.
struct ReplicaWish {
  std::optional<int32_t> factor = {};  // none: the cluster's default
  std::vector<std::vector<NodeId>> replicas = {};
};

struct CreateTopic {
  std::string name;
  int32_t partition_count = 1;
  std::map<std::string, std::string> config;
  ReplicaWish replicas = {};
  std::optional<std::string> owner = {};  // the role that it belongs to; none: nobody's
};
// Streams, tables and queries over the topic stay, and say that it is gone.
struct DeleteTopic {
  std::string name;
};
struct GrowTopic {
  std::string name;
  int32_t partition_count = 1;  // in all
  // Of the new ones, by hand; empty: as many as those that there are have.
  std::vector<std::vector<NodeId>> replicas = {};
};
struct ConfigureTopic {
  std::string name;
  std::vector<storage::ConfigChange> changes;
  bool replaces_all = false;  // what is not among the changes has its default then
};
using TopicChange = std::variant<CreateTopic, DeleteTopic, GrowTopic, ConfigureTopic>;

// Fails with TopicExists, UnknownTopic, InvalidParameter.
Result<storage::MetadataCommand> plan_topic_change(const TopicChange& change,
                                                   const storage::TopicTable& topics,
                                                   const std::function<Uuid()>& new_id);
const std::string& topic_name(const TopicChange& change);

}  // namespace server
