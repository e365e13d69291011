// What can be asked of a cluster's nodes and replicas, by requests that librdkafka does not have.
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
#include "client/admin/wire_connection.h"

namespace client {

using TopicPartitionKey = std::pair<std::string, int32_t>;  // topic, number
using NodeNumbers = std::vector<int32_t>;

struct ClusterNodeListing {
  int32_t id = 0;
  std::string host = {};
  int32_t port = 0;
  std::string rack = {};  // empty: none
};
struct ReplicaListing {
  int32_t leader = -1;  // nobody
  NodeNumbers replicas, in_sync;
  bool is_internal = false;  // its topic is the server's own
};
struct ClusterListing {
  std::vector<ClusterNodeListing> nodes;  // those that are there
  int32_t controller = -1;
  std::map<TopicPartitionKey, ReplicaListing> partitions;
};
// How far a node has read the metadata log.
struct MetadataReaderListing {
  int64_t read = -1, caught_up_ms = -1;  // wall clock; -1: not known
};
struct MetadataLogListing {
  int64_t end = 0;
  std::map<int32_t, MetadataReaderListing> readers;  // by node
};
// What the cluster is at, and what the program of the node that was asked knows.
struct FeatureLevelListing {
  int16_t now = 0, newest = 0;  // 0: the server is in no cluster, or a program that knows of no levels
};
struct MovingReplicas {
  NodeNumbers replicas, adding, removing;
};
// Of one of those that were asked about, as the server says it.
struct PartitionRefusal {
  int16_t code = 0;  // 0: none
  std::string message;
};
enum class ElectionType : int8_t { Preferred = 0, Unclean = 1 };

// Threads: one. Blocks, for some seconds at most.
class ClusterAdmin {
 public:
  // Any node will do. Fails with NetworkFailure.
  static Result<ClusterAdmin> open(const std::string& bootstrap_server,
                                   const Properties& properties);

  Result<ClusterListing> describe();
  // As the controller tells it. Fails while that one is not known.
  Result<MetadataLogListing> metadata_log();
  Result<FeatureLevelListing> feature_level();
  // Fails in the server's words.
  Status raise_feature_level(int16_t level);
  // Nothing: the move is called off.
  using Moves = std::map<TopicPartitionKey, std::optional<NodeNumbers>>;
  using Refusals = std::map<TopicPartitionKey, PartitionRefusal>;
  Result<Refusals> move(const Moves& moves);
  Result<std::map<TopicPartitionKey, MovingReplicas>> moving();
  // Of all partitions where none are named: then those are answered alone where something happened.
  Result<Refusals> elect(ElectionType type,
                         const std::optional<std::set<TopicPartitionKey>>& partitions);
  // Fails in the server's words.
  Status unregister(int32_t node);

  // Settings of brokers and topics; an empty value takes one away.
  enum class Resource : int8_t { Topic = 2, Broker = 4 };
  using Settings = std::map<std::string, std::string>;
  Status configure(Resource type, const std::string& name, const Settings& settings);

 private:
  ClusterAdmin(Bootstrap bootstrap, WireConnection connection)
      : bootstrap_(std::move(bootstrap)),
        connection_(std::make_unique<WireConnection>(std::move(connection))) {}
  // Asks another server where one is lost: what is asked here may be asked again.
  Result<std::string> ask(int16_t api_key, int16_t version, const WireWriter& request);
  template <class Call>
  Result<std::string> ask(const Call& call);

  Bootstrap bootstrap_;
  std::unique_ptr<WireConnection> connection_;
};

// "topic-0"
std::string name_of(const TopicPartitionKey& partition);

}  // namespace client
