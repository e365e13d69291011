// Requests for the administration of nodes and replicas of a cluster that librdkafka does not have.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/admin/bootstrap.h"
#include "client/admin/cluster_listing.h"
#include "client/admin/wire_connection.h"

namespace client {

// How far a node has read the metadata log: the last revision that it has read, and the time when
// it had last read the whole log.
struct MetadataReaderListing {
  int64_t read = -1, caught_up_ms = -1;  // caught_up_ms is wall-clock time; -1: not known
};
struct MetadataLogListing {
  int64_t end = 0;
  std::map<int32_t, MetadataReaderListing> readers;  // by the id of the node
};
// The feature level of the cluster, and the highest level that the program of the answering node
// supports.
struct FeatureLevelListing {
  int16_t now = 0, newest = 0;  // 0: not in a cluster, or an older program
};
struct MovingReplicas {
  NodeNumbers replicas, adding, removing;
};
// The result for one partition of a request.
struct PartitionRefusal {
  int16_t code = 0;  // Kafka's error code; 0: no error
  std::string message;
};
enum class ElectionType : int8_t { Preferred = 0, Unclean = 1 };

// Threads: one. Calls block for some seconds at most.
class ClusterAdmin {
 public:
  // Connects to any node. Fails with NetworkFailure.
  static Result<ClusterAdmin> open(const std::string& bootstrap_server,
                                   const Properties& properties);

  Result<ClusterListing> describe();
  // Returns the end of the metadata log, and how far each node has read it. Only the controller
  // knows this; fails while the controller is unknown.
  Result<MetadataLogListing> metadata_log();
  Result<FeatureLevelListing> feature_level();
  // Raises the feature level of the cluster. If the server refuses, the error has the server's
  // message.
  Status raise_feature_level(int16_t level);
  // The new replicas of each partition; nullopt cancels the present move of the partition.
  using Moves = std::map<TopicPartitionKey, std::optional<NodeNumbers>>;
  using Refusals = std::map<TopicPartitionKey, PartitionRefusal>;
  Result<Refusals> move(const Moves& moves);
  Result<std::map<TopicPartitionKey, MovingReplicas>> moving();
  // Elects leaders of these partitions, or of all partitions if `partitions` is nullopt. In the
  // latter case, the result contains only partitions with an election or an error.
  Result<Refusals> elect(ElectionType type,
                         const std::optional<std::set<TopicPartitionKey>>& partitions);
  // Removes the node from the cluster. If the server refuses, the error has the server's message.
  Status unregister(int32_t node);

  // Settings of a broker or a topic, by name. In configure(), an empty value removes the setting.
  enum class Resource : int8_t { Topic = 2, Broker = 4 };
  using Settings = std::map<std::string, std::string>;
  Status configure(Resource type, const std::string& name, const Settings& settings);

 private:
  ClusterAdmin(Bootstrap bootstrap, WireConnection connection)
      : bootstrap_(std::move(bootstrap)),
        connection_(std::make_unique<WireConnection>(std::move(connection))) {}
  // Sends a request. If the connection fails, sends it again to another server; no request of this
  // class does harm if it is executed twice.
  Result<std::string> ask(int16_t api_key, int16_t version, const WireWriter& request);
  template <class Call>
  Result<std::string> ask(const Call& call);

  Bootstrap bootstrap_;
  std::unique_ptr<WireConnection> connection_;
};

// Returns the name of a partition, such as "topic-0".
std::string name_of(const TopicPartitionKey& partition);

}  // namespace client
