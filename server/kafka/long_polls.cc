#include "server/kafka/long_polls.h"

#include <algorithm>

#include "server/kafka/session.h"

namespace server::kafka {

void LongPolls::await(Session& session, std::span<const storage::TopicPartition> partitions) {
  for (const storage::TopicPartition& partition : partitions)
    waiting_[partition].push_back(&session);
}

void LongPolls::forget(Session& session, std::span<const storage::TopicPartition> partitions) {
  for (const storage::TopicPartition& partition : partitions) {
    const auto found = waiting_.find(partition);
    if (found == waiting_.end()) continue;
    std::erase(found->second, &session);
    if (found->second.empty()) waiting_.erase(found);
  }
}

void LongPolls::grown(std::span<const storage::TopicPartition> partitions) {
  // Who comes from here on sees the records when it looks: they are durable already.
  if (sessions_ == 0) return;
  bool was_empty;
  {
    std::lock_guard lock(mutex_);
    was_empty = grown_.empty();
    grown_.insert(grown_.end(), partitions.begin(), partitions.end());
  }
  if (was_empty)
    loop_.post([weak = weak_from_this()] {
      if (const std::shared_ptr<LongPolls> self = weak.lock()) self->take_grown();
    });
}

void LongPolls::take_grown() {
  std::vector<storage::TopicPartition> grown;
  {
    std::lock_guard lock(mutex_);
    grown.swap(grown_);
  }
  // A session may be told several times: it only notes that it has to look.
  for (const storage::TopicPartition& partition : grown)
    if (const auto found = waiting_.find(partition); found != waiting_.end())
      for (Session* session : found->second) session->grown();
}

}  // namespace server::kafka
