// What was defined at one node is there at the others, too, before whoever defined it is told so.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"

namespace server {

// Asks the nodes that are there whether they have carried out the metadata up to a revision; each answers when it has. Who does not
// answer for half a second is not waited for: what is defined is in the log, and that node gets it, only later than its client
// may ask for it.
//
// Threads: one loop. Owner: ClusterMember.
class AppliedCalls {
 public:
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::set<NodeId>()> others;  // that are there, and know the question
    std::function<Revision()> applied;         // by this node
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
