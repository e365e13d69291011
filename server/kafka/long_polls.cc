#include "server/kafka/long_polls.h"

#include <algorithm>
#include <utility>

#include "server/kafka/session.h"

namespace server::kafka {

void LongPolls::await(Session& session, std::span<const storage::TopicPartition> partitions) {
  std::lock_guard lock(mutex_);
  for (const storage::TopicPartition& partition : partitions)
    waiting_[partition].push_back(&session);
}

void LongPolls::forget(Session& session, std::span<const storage::TopicPartition> partitions) {
  std::lock_guard lock(mutex_);
  for (const storage::TopicPartition& partition : partitions) {
    const auto found = waiting_.find(partition);
    if (found == waiting_.end()) continue;
    std::erase(found->second, &session);
    if (found->second.empty()) waiting_.erase(found);
  }
}

void LongPolls::grown(std::span<const storage::TopicPartition> partitions) {
  bool is_first;
  {
    std::lock_guard lock(mutex_);
    is_first = grown_.empty();
    for (const storage::TopicPartition& partition : partitions)
      if (waiting_.contains(partition)) grown_.push_back(partition);
    is_first &= !grown_.empty();
  }
  if (is_first)
    loop_.post([weak = weak_from_this()] {
      if (const std::shared_ptr<LongPolls> self = weak.lock()) self->take_grown();
    });
}

void LongPolls::take_grown() {
  // A session may be notified several times. This is harmless, because the session only records
  // that it has to read.
  std::lock_guard lock(mutex_);
  for (const storage::TopicPartition& partition : std::exchange(grown_, {}))
    if (const auto found = waiting_.find(partition); found != waiting_.end())
      for (Session* session : found->second) session->grown();
}

}  // namespace server::kafka
