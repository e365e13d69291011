// Collects the progress of the consumer groups that other nodes coordinate: each node knows only its own groups.
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

// Asks all live nodes. The result names each node whose groups are incomplete: it did not answer
// within a second, or it has more groups than fit into a message.
//
// Threads: one loop. Owner: ClusterMember.
class GroupCalls {
 public:
  using Groups = std::vector<coordinator::GroupProgress>;
  struct Told {
    Groups groups;                // unordered; a group that moves meanwhile may appear twice
    std::set<NodeId> incomplete;  // nodes that did not answer, or sent only a part of their groups
  };
  struct Around {
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    // `others` returns the live nodes, `reached` those of them that are connected.
    std::function<std::set<NodeId>()> others, reached;
    // Finds the groups that this node coordinates; calls back on the loop, or never.
    std::function<void(std::function<void(Groups)>)> own;
  };
  explicit GroupCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  // Asks the other nodes; this node's own groups are not in the result.
  void ask(std::function<void(Told)> done);
  void on_message(NodeId from, const AskGroups& message);
  void on_message(NodeId from, GroupsReported message);
  void tick() { questions_.tick(); }

 private:
  const Around around_;
  OpenQuestions questions_;
  std::map<uint64_t, Told> gathered_;  // answers to open questions, by number
};

}  // namespace server
