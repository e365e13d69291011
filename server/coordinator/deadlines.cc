#include "server/coordinator/deadlines.h"

#include <utility>

namespace server::coordinator {

Deadline Deadlines::set(int64_t at_us, std::function<void()> on_time) {
  const Deadline deadline{at_us, ++last_number_};
  pending_.emplace(deadline, std::move(on_time));
  if (tell_sooner_ && pending_.begin()->first == deadline) tell_sooner_();
  return deadline;
}

void Deadlines::cancel(Deadline& deadline) {
  if (deadline.is_set()) pending_.erase(deadline);
  deadline = {};
}

std::optional<int64_t> Deadlines::next_us() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.begin()->first.at_us;
}

void Deadlines::run_due(int64_t now_us, const std::function<bool()>& is_slice_over) {
  while (!pending_.empty() && pending_.begin()->first.at_us <= now_us) {
    // The timer is removed before it runs, because the callback may set or cancel timers.
    const std::function<void()> on_time = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    on_time();
    if (is_slice_over()) return;
  }
}

}  // namespace server::coordinator
