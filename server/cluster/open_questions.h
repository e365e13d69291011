// Questions that a node has put to several others at once, and waits for all of them.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/ids.h"

namespace server {

// A question is over when everybody has answered it, or after its patience.
//
// Threads: one loop.
class OpenQuestions {
 public:
  using Done = std::function<void(uint64_t number, const std::set<NodeId>& silent)>;

  explicit OpenQuestions(const Clock& clock)
      : clock_(clock), last_number_(static_cast<uint64_t>(clock.monotonic_us())) {}

  // The number under which to ask `whom`, who are some; `done` hears later who of them has not answered.
  uint64_t open(std::set<NodeId> whom, int64_t patience_us, Done done);
  // Whether somebody waits for this answer: it has not come before, nor too late.
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
  uint64_t last_number_;  // larger than those of whoever was there before
  std::map<uint64_t, Question> questions_;
};

}  // namespace server
