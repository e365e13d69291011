// Passes requests of Kafka's protocol to other nodes: only the leader of a partition and the coordinator of a group
// can answer the requests about them.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"
#include "storage/meta/feature_level.h"

namespace server {

// Each request gets one answer: the answer of the node, NotSupported below feature level kLevel, or NetworkFailure
// if the node is not connected or does not answer within kPatienceUs. After NetworkFailure the request may have
// been executed.
//
// Threads: one loop. Owner: ClusterMember.
class RequestCalls {
 public:
  // Longer than the time in which a leader waits for its followers (acks=all).
  static constexpr int64_t kPatienceUs = 15'000'000;
  // Programs of earlier levels ignore the messages.
  static constexpr storage::FeatureLevel kLevel = storage::kConnectorsLevel;
  using Answer = Result<std::string>;
  using Done = std::function<void(Answer)>;
  // Handles a request on this node. Calls back on the loop, or never.
  using Handle = std::function<void(std::string frame, Done done)>;
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<bool(NodeId)> is_reached;
    std::function<storage::FeatureLevel()> level;  // the feature level of the cluster
    Handle handle;
  };
  explicit RequestCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  void ask(NodeId node, std::string frame, Done done);
  void on_message(NodeId from, RelayedRequest message);
  void on_message(NodeId from, RelayedAnswer message);
  void tick() { questions_.tick(); }

 private:
  const Around around_;
  OpenQuestions questions_;
  std::map<uint64_t, RelayedAnswer> answers_;  // answers whose Done was not called yet
};

}  // namespace server
