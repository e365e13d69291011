// Tracks requests ("questions") that a node has sent to several other nodes at once.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/ids.h"

namespace server {

// A question ends when all asked nodes have answered, or when its time is up.
//
// Threads: one loop.
class OpenQuestions {
 public:
  using Done = std::function<void(uint64_t number, const std::set<NodeId>& silent)>;

  explicit OpenQuestions(const Clock& clock)
      : clock_(clock), last_number_(static_cast<uint64_t>(clock.monotonic_us())) {}

  // Opens a question to the nodes `whom`, which must not be empty, and returns its number. `done`
  // is called when the question ends, with the nodes that did not answer.
  uint64_t open(std::set<NodeId> whom, int64_t patience_us, Done done);
  // Returns whether the question still waits for the answer of `from`. If not, the answer is a
  // duplicate or too late.
  bool is_open(uint64_t number, NodeId from) const;
  void answered(uint64_t number, NodeId from);
  void tick();

 private:
  struct Question {
    std::set<NodeId> left;
    int64_t until_us;
    Done done;
  };
  const Clock& clock_;
  uint64_t last_number_;  // starts above the numbers of an earlier process
  std::map<uint64_t, Question> questions_;
};

}  // namespace server
