// How far the consumer groups are that other nodes coordinate: each node knows its own alone.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"
#include "server/coordinator/group_messages.h"

namespace server {

// Asks all nodes that are there. Who does not answer within a second, or has more groups than a message takes, is named
// instead of waited for.
//
// Threads: one loop. Owner: ClusterMember.
class GroupCalls {
 public:
  using Groups = std::vector<coordinator::GroupProgress>;
  struct Told {
    Groups groups;                // in no order; one that moves meanwhile may be there twice
    std::set<NodeId> incomplete;  // nodes not all of whose groups are among them
  };
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    // Those that are there, of which some can be asked.
    std::function<std::set<NodeId>()> others, reached;
    // This node's own; answers on the loop, or never.
    std::function<void(std::function<void(Groups)>)> own;
  };
  explicit GroupCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  // Not this node's own.
  void ask(std::function<void(Told)> done);
  void on_message(NodeId from, const AskGroups& message);
  void on_message(NodeId from, GroupsTold message);
  void tick() { questions_.tick(); }

 private:
  const Around around_;
  OpenQuestions questions_;
  std::map<uint64_t, Told> gathered_;  // of the questions
};

}  // namespace server
