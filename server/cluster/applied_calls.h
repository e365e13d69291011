// Delays the answer to a definition until the other nodes have applied it too.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"

namespace server {

// Asks the reachable nodes whether they have applied the metadata up to a revision; each node answers once it has. The
// wait for a node ends after half a second: the definition is in the log and that node will read it, but a client that
// asks that node immediately may not see the definition yet.
//
// Threads: one loop. Owner: ClusterMember.
class AppliedCalls {
 public:
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::set<NodeId>()> others;  // reachable nodes whose program knows this message
    std::function<Revision()> applied;         // revision that this node has applied
  };
  explicit AppliedCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  void ask(Revision revision, std::function<void()> done);
  void on_message(NodeId from, const AskApplied& message);
  void on_message(NodeId from, const AppliedTold& message);
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
