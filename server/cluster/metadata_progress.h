// Whether a node reads what the cluster decides.
#pragma once
#include <cstdint>
#include <optional>

#include "base/ids.h"

namespace server {

// A node that is heard of may be cut off from etcd all the same: it does not learn what it leads. It is behind when
// it has not reached what the controller knew so long ago, and until it has reached what the controller knows when it
// gets there. Who reads on, however slowly, is not.
//
// Threads: one loop. Owner: the controller, one for each process of a node.
class MetadataProgress {
 public:
  // A heartbeat says that it has read up to `applied`; the controller has read up to `known`.
  void heard(Revision applied, Revision known, int64_t now_us);
  // It was silent, so it may have been frozen or cut off: what it had read before tells nothing any more.
  void doubt();
  // When it was heard of last, and when it is known to have read all that the controller knew then (Kafka's
  // lastCaughtUpTimestamp); -1: never.
  int64_t heard_us() const { return heard_us_; }
  int64_t caught_up_us() const { return caught_up_us_; }
  // Who watches was held up itself for so long.
  void hold_up(int64_t by_us) { since_us_ += by_us; }
  // True when it has just been noticed.
  bool notice(int64_t now_us, int64_t patience_us);

  Revision applied() const { return applied_; }
  bool is_behind() const { return state_ == State::Behind || state_ == State::CatchesUp; }
  // It has been seen to reach what the controller knew.
  bool gets_on() const { return state_ == State::GetsOn; }
  // It has not got there for so long.
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
  Revision known_then_{0};  // to the controller, when it was heard of last
};

}  // namespace server
