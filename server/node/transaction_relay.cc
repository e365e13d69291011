#include "server/node/transaction_relay.h"

#include <utility>

#include "records/control_batch.h"
#include "server/coordinator/internal_topics.h"

namespace server {

using coordinator::TransactionAnswer;

void TransactionRelay::join(coordinator::AddPartitions request,
                            coordinator::Done<TransactionAnswer> done) {
  place_.loop->post([this, request = std::move(request), done = std::move(done)]() mutable {
    // What this node has not heard of yet, a topic or a partition of one that has grown, would be taken for what is no
    // more when the transaction ends, and told nothing of it.
    const auto topics = place_.backend->topics();
    for (const auto& [topic, partitions] : request.partitions) {
      const storage::TopicInfo* known = topics->find(topic);
      for (const int32_t partition : partitions)
        if (known == nullptr || partition >= known->partition_count)
          return done(request.refusal(KafkaError::CoordinatorNotAvailable));
    }
    transactions_.ask(std::move(request), std::move(done));
  });
}

void TransactionRelay::end(const storage::TopicPartition& partition, LeaderEpoch under,
                           const coordinator::TransactionEnded& ended,
                           std::function<void(Status)> done) {
  place_.loop->post([this, partition, under, ended, done = std::move(done)] {
    const auto topics = place_.backend->topics();
    const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
    if (offsets && offsets->id == partition.topic)
      return groups_.ask_at(
          partition.partition, coordinator::EndOffsets{.ended = ended, .under = under},
          [done](const coordinator::EndedOffsets& told) { done(status_of_end(told.error)); });
    storage::AppendRequest request;
    request.parts.push_back({partition,
                             records::marker_batch(ended.producer.id, ended.producer.epoch,
                                                   ended.marker, clock_.wall_ms()),
                             under});
    place_.backend->append(std::move(request), [done](const Result<storage::Appended>& appended) {
      done(appended ? Status{} : Status{appended.error()});
    });
  });
}

}  // namespace server
