// Administration of topics over Kafka's protocol. Errors have the text of the server or of
// librdkafka.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

struct NewTopic {
  std::string name;
  std::optional<int> partitions, replication_factor;  // not set: the server's default
  Properties config;
  // The replicas of each partition. If they are given, the two members above are not set.
  std::vector<std::vector<int32_t>> replicas = {};
};
// Creates the topic. Fails with TopicExists if the name is taken.
Status create_topic(Connection& connection, const NewTopic& topic);
Status delete_topic(Connection& connection, const std::string& name);
// Adds partitions. `partitions` is the number of all partitions after the change; `replicas` are
// the replicas of the new partitions.
Status add_partitions(Connection& connection, const std::string& name, int partitions,
                      std::vector<std::vector<int32_t>> replicas = {});

// Returns for each topic the settings that differ from their defaults; empty if the server does not
// support the request.
Result<std::map<std::string, Properties>> topic_configs(Connection& connection,
                                                        const std::vector<std::string>& names);

struct OffsetRange {
  Offset first_offset, end_offset;
};
Result<OffsetRange> offset_range(Connection& connection, const std::string& topic,
                                 PartitionId partition);

// Returns for each partition the offset of the first record with this timestamp or a later one.
Result<std::vector<int64_t>> offsets_at_time(Connection& connection, const TopicDescription& topic,
                                             int64_t timestamp_ms);

}  // namespace client
