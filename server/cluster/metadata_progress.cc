#include "server/cluster/metadata_progress.h"

#include <algorithm>
#include <utility>

namespace server {

void MetadataProgress::heard(Revision applied, Revision known, int64_t now_us) {
  applied_ = std::max(applied_, applied);  // heartbeats may arrive out of order
  if (applied_ >= known)
    caught_up_us_ = now_us;
  else if (heard_us_ >= 0 && applied_ >= known_then_)
    caught_up_us_ = heard_us_;
  heard_us_ = now_us;
  known_then_ = known;
  if (goal_ && applied_ < *goal_) return;
  if (state_ == State::Behind)
    state_ = State::CatchesUp;
  else if (goal_ || applied_ >= known)
    state_ = State::GetsOn;
  goal_ = known;
  since_us_ = now_us;
}

void MetadataProgress::doubt() {
  if (state_ != State::GetsOn) return;
  state_ = State::New;
  if (applied_ >= *goal_) goal_.reset();
}

bool MetadataProgress::notice(int64_t now_us, int64_t patience_us) {
  if (!is_late(now_us, patience_us)) return false;
  const State before = std::exchange(state_, State::Behind);
  return before == State::New || before == State::GetsOn;
}

}  // namespace server
