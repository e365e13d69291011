// Tracks whether a node keeps reading the metadata.
#pragma once
#include <cstdint>
#include <optional>

#include "base/ids.h"

namespace server {

// A node that sends heartbeats may still be cut off from etcd, and then does not learn which
// partitions it leads. MetadataProgress sets the node a goal: the revision that the controller
// knows at this moment. If the node has not read up to the goal within a time limit, it counts as
// behind. It then stays behind until it has also reached a second goal: the revision that the
// controller knew when the node reached the first one. A node that continues to read, however
// slowly, reaches its goals and is not behind.
//
// Threads: one loop. Owner: the controller, one for each process of a node.
class MetadataProgress {
 public:
  // Takes a heartbeat, which reports that the node has read up to `applied`; the controller has read up to `known`.
  void heard(Revision applied, Revision known, int64_t now_us);
  // Discards the node's earlier progress. Called when the node was silent, because it may have been
  // frozen or cut off.
  void doubt();
  // Return the time of the last heartbeat, and the last time at which the node is known to have read all that the
  // controller knew (Kafka's lastCaughtUpTimestamp); -1 for never.
  int64_t heard_us() const { return heard_us_; }
  int64_t caught_up_us() const { return caught_up_us_; }
  // Extends the time limit by `by_us`, the time for which the controller itself was paused.
  void hold_up(int64_t by_us) { since_us_ += by_us; }
  // Checks the time limit `patience_us`. Returns true if the node counts as behind from this call on.
  bool notice(int64_t now_us, int64_t patience_us);

  Revision applied() const { return applied_; }
  bool is_behind() const { return state_ == State::Behind || state_ == State::CatchesUp; }
  // Returns whether the node has reached a revision that the controller knew.
  bool makes_progress() const { return state_ == State::GetsOn; }
  // Returns whether the node has had a goal for more than `by_us` and has not reached it.
  bool is_late(int64_t now_us, int64_t by_us) const {
    return goal_ && applied_ < *goal_ && now_us - since_us_ > by_us;
  }
  Revision goal() const { return goal_.value_or(Revision{0}); }

 private:
  enum class State : uint8_t { New, GetsOn, Behind, CatchesUp };
  State state_ = State::New;
  Revision applied_{0};
  std::optional<Revision> goal_;
  int64_t since_us_ = 0;  // when the goal was set
  int64_t heard_us_ = -1, caught_up_us_ = -1;
  Revision known_then_{0};  // revision that the controller knew at the last heartbeat
};

}  // namespace server
