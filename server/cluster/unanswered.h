// Which nodes this one asks for records, and gets no answer from.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"

namespace server {

// Where a connection carries nothing one way, a node may be heard of and lead, and those that follow it get nothing: it
// notices only that they are behind. They tell the controller with their heartbeats.
//
// Threads: one loop. Owner: a node of a cluster.
class Unanswered {
 public:
  // `patience_us`: an answer comes sooner from who is there, also where there is nothing to tell.
  explicit Unanswered(int64_t patience_us) : patience_us_(patience_us) {}

  void asked(NodeId node, int64_t now_us) {
    Asked& asked = asked_.try_emplace(node, Asked{now_us, now_us}).first->second;
    // Nobody has asked it for long: what was not answered then says nothing about now.
    if (now_us - asked.last_us > 2 * patience_us_) asked.first_us = now_us;
    asked.last_us = now_us;
  }
  void answered(NodeId node) { asked_.erase(node); }
  // This node was held up itself for so long: it has not looked at what came.
  void hold_up(int64_t by_us) {
    for (auto& [node, asked] : asked_) asked.first_us += by_us;
  }
  // Those that have not answered for so long, and are asked still.
  std::vector<NodeId> silent(int64_t now_us) const {
    std::vector<NodeId> found;
    for (const auto& [node, asked] : asked_)
      if (now_us - asked.first_us > patience_us_ && now_us - asked.last_us <= 2 * patience_us_)
        found.push_back(node);
    return found;
  }

 private:
  struct Asked {
    int64_t first_us, last_us;  // since it has answered last
  };
  const int64_t patience_us_;
  std::map<NodeId, Asked> asked_;
};

}  // namespace server
