#include "server/sql/read/acknowledged_ends.h"

#include <algorithm>
#include <vector>

namespace server {

void AcknowledgedEnds::note(const ClusterTopics::Ends& ends, int64_t asked_us) {
  std::lock_guard lock(mutex_);
  for (const auto& [partition, end] : ends) {
    const auto [known, is_new] = told_.try_emplace(partition, Told{end, asked_us});
    // The answers to two questions can arrive in the reverse order, so the larger end is kept.
    if (!is_new)
      known->second = {std::max(known->second.end, end),
                       std::max(known->second.asked_us, asked_us)};
  }
  if (told_.size() <= kMost) return;
  std::vector<int64_t> times;
  for (const auto& [partition, told] : told_) times.push_back(told.asked_us);
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  std::erase_if(told_, [&](const auto& each) { return each.second.asked_us <= *middle; });
}

std::optional<ClusterTopics::Ends> AcknowledgedEnds::since(
    std::span<const storage::TopicPartition> partitions, int64_t asked_us) const {
  std::lock_guard lock(mutex_);
  ClusterTopics::Ends ends;
  for (const storage::TopicPartition& partition : partitions) {
    const auto known = told_.find(partition);
    if (known == told_.end() || known->second.asked_us < asked_us) return std::nullopt;
    ends.emplace_back(partition, known->second.end);
  }
  return ends;
}

ClusterTopics::Ends AcknowledgedEnds::known_since(
    std::span<const storage::TopicPartition> partitions, int64_t asked_us) const {
  std::lock_guard lock(mutex_);
  ClusterTopics::Ends ends;
  for (const storage::TopicPartition& partition : partitions)
    if (const auto known = told_.find(partition);
        known != told_.end() && known->second.asked_us >= asked_us)
      ends.emplace_back(partition, known->second.end);
  return ends;
}

}  // namespace server
