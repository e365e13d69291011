// A statement that changes definitions is answered when the other nodes of the cluster have applied the change, so that
// a client that then connects to another node sees it. This class asks the nodes and waits for them.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"

namespace server {

// Asks the reachable nodes whether they have applied the metadata up to a revision. Each node
// answers when it has done so. The wait for a node ends after half a second. The definition is then
// in the metadata log and the node will read it later, but a client that connects to that node
// immediately may not see it yet.
//
// Threads: one loop. Owner: ClusterMember.
class AppliedCalls {
 public:
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::set<NodeId>()> others;  // reachable nodes whose program knows this message
    // revision of the metadata that this node has applied
    std::function<Revision()> applied;
  };
  explicit AppliedCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  void ask(Revision revision, std::function<void()> done);
  void on_message(NodeId from, const AskApplied& message);
  void on_message(NodeId from, const AppliedReported& message);
  void tick();

 private:
  struct Asked {
    NodeId from;
    uint64_t number;
    Revision revision;
    int64_t until_us;
  };
  const Around around_;
  OpenQuestions questions_;
  std::vector<Asked> asked_;
};

}  // namespace server
