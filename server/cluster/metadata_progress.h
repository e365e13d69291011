// Tracks whether a node reads the decisions of the cluster.
#pragma once
#include <cstdint>
#include <optional>

#include "base/ids.h"

namespace server {

// A node that sends heartbeats may still be cut off from etcd; it then does not learn which
// partitions it leads. A node is behind if it does not reach a goal within a time limit. The goal
// is the revision that the controller knew at the start of the limit. The node stays behind until
// it has reached this goal, and then the revision that the controller knew at that moment. A node
// that continues to read, however slowly, is not behind.
//
// Threads: one loop. Owner: the controller, one for each process of a node.
class MetadataProgress {
 public:
  // Takes a heartbeat, which reports that the node has read up to `applied`; the controller has read up to `known`.
  void heard(Revision applied, Revision known, int64_t now_us);
  // Forgets the node's earlier progress, because the node was silent and may have been frozen or
  // cut off.
  void doubt();
  // Return the time of the last heartbeat, and the last time at which the node is known to have read all that the
  // controller knew (Kafka's lastCaughtUpTimestamp); -1 for never.
  int64_t heard_us() const { return heard_us_; }
  int64_t caught_up_us() const { return caught_up_us_; }
  // Extends the time limit by a time during which the controller itself was paused.
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
  Revision known_then_{0};  // revision of the controller at the last heartbeat
};

}  // namespace server
