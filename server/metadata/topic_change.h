// Turns changes of topics by Kafka clients into commands of the metadata log. The functions do no
// I/O.
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

// In a cluster: the number of replicas of each partition of a new topic, or their nodes.
struct ReplicaWish {
  std::optional<int32_t> factor = {};  // nothing: the cluster's default replication factor
  std::vector<std::vector<NodeId>> replicas = {};
};

struct CreateTopic {
  std::string name;
  int32_t partition_count = 1;
  std::map<std::string, std::string> config;
  ReplicaWish replicas = {};
  std::optional<std::string> owner = {};  // the role that owns the topic; nothing: no owner
};
// Streams, tables and queries over the topic stay, and report that it was deleted.
struct DeleteTopic {
  std::string name;
};
struct GrowTopic {
  std::string name;
  int32_t partition_count = 1;  // new number of partitions, including the existing ones
  // The replicas of the new partitions, if the client chooses them. Empty: each new partition gets
  // as many replicas as the existing ones have.
  std::vector<std::vector<NodeId>> replicas = {};
};
struct ConfigureTopic {
  std::string name;
  std::vector<storage::ConfigChange> changes;
  bool replaces_all = false;  // settings without a change return to their defaults
};
using TopicChange = std::variant<CreateTopic, DeleteTopic, GrowTopic, ConfigureTopic>;

// Plans the command of a change. Fails with TopicExists, UnknownTopic, InvalidParameter.
Result<storage::MetadataCommand> plan_topic_change(const TopicChange& change,
                                                   const storage::TopicTable& topics,
                                                   const std::function<Uuid()>& new_id);
const std::string& topic_name(const TopicChange& change);

}  // namespace server
