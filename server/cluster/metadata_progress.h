// Tracks whether a node reads the decisions of the cluster.
#pragma once
#include <cstdint>
#include <optional>

#include "base/ids.h"

namespace server {

// A node that sends heartbeats may still be cut off from etcd, and does not learn what it leads. A node is behind if it
// has not reached, within a time limit, the revision that the controller knew at the start of that time. It stays
// behind until it has reached that revision, and then the revision that the controller knew at that moment. A node that
// reads on, however slowly, is not behind.
//
// Threads: one loop. Owner: the controller, one for each process of a node.
class MetadataProgress {
 public:
  // Takes a heartbeat, which reports that the node has read up to `applied`; the controller has read up to `known`.
  void heard(Revision applied, Revision known, int64_t now_us);
  // Forgets the node's earlier progress: the node was silent and may have been frozen or cut off.
  void doubt();
  // Return the time of the last heartbeat, and the last time at which the node is known to have read all that the
  // controller knew (Kafka's lastCaughtUpTimestamp); -1 for never.
  int64_t heard_us() const { return heard_us_; }
  int64_t caught_up_us() const { return caught_up_us_; }
  // Extends the time limit by a time during which the controller itself was held up.
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
