#include "storage/log/task_pause.h"

#include <algorithm>
#include <utility>

namespace storage {

void TaskPause::clients_came(int64_t now_us) {
  // The gap is capped, because a long pause predicts little. After a gap of the cap's size, the
  // next client is not expected in time.
  const int64_t gap_us = std::min(now_us - since_us_, 4 * limit_us_);
  usual_gap_us_ += (gap_us - usual_gap_us_) / kNewestCounts;
  since_us_ = now_us;
  is_writing_ = true;
  // For example, clients that come every 1.5 ms usually arrive within a limit of 2 ms.
  const bool is_likely = usual_gap_us_ <= limit_us_ * 3 / 4;
  due_us_ = is_likely ? now_us + limit_us_ : now_us;
}

void TaskPause::groups_are_written(int64_t now_us) {
  if (!std::exchange(is_writing_, false)) return;
  due_us_ += now_us - since_us_;
  since_us_ = now_us;
}

void TaskPause::nobody_came() {
  if (due_us_ <= since_us_) return;  // the commits have not waited
  due_us_ = since_us_;
  usual_gap_us_ = kDoubt * limit_us_;
}

}  // namespace storage
