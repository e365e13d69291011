// What can be done to topics, over the wire. Errors are in the server's words, or librdkafka's.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "client/connection.h"

namespace client {

struct NewTopic {
  std::string name;
  std::optional<int> partitions, replication_factor;  // none: the server's default
  Properties config;
  // Of each partition, by hand: both numbers are none then.
  std::vector<std::vector<int32_t>> replicas = {};
};
// Fails with TopicExists when there is one of that name.
Status create_topic(Connection& connection, const NewTopic& topic);
Status delete_topic(Connection& connection, const std::string& name);
// `partitions` is how many there shall be in all; `replicas` are those of the new ones, by hand.
Status add_partitions(Connection& connection, const std::string& name, int partitions,
                      std::vector<std::vector<int32_t>> replicas = {});

// The settings of each topic that differ from their defaults; none where the server does not tell.
Result<std::map<std::string, Properties>> topic_configs(Connection& connection,
                                                        const std::vector<std::string>& names);

struct OffsetRange {
  Offset first_offset, end_offset;
};
Result<OffsetRange> offset_range(Connection& connection, const std::string& topic,
                                 PartitionId partition);

// Where to begin in each partition: the offset of the first record of that time or later.
Result<std::vector<int64_t>> offsets_at_time(Connection& connection, const TopicDescription& topic,
                                             int64_t timestamp_ms);

}  // namespace client
