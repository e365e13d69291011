#include "server/node/transaction_relay.h"

#include <utility>
#include <vector>

#include "records/control_batch.h"
#include "server/coordinator/internal_topics.h"
#include "server/kafka/leaders.h"

namespace server {

using coordinator::TransactionAnswer;

namespace {

// Number of transactional ids that are tried, per partition of __transaction_state. If this node
// leads any of the partitions, it almost certainly leads the partition of one of these ids.
constexpr int kIdsOfPartition = 8;

}  // namespace

void TransactionRelay::join(coordinator::AddPartitions request,
                            coordinator::Done<TransactionAnswer> done) {
  place_.loop->post([this, request = std::move(request), done = std::move(done)]() mutable {
    // If this node has not yet read the definition of a topic or partition in the request, it would
    // treat it as deleted at the end of the transaction and send it no marker. So the request is
    // refused until this node knows the topic and the partition.
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
          [done](const coordinator::EndedOffsets& answer) { done(status_of_end(answer.error)); });
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

// --- Commits of nodes

TransactionRelay::CommitPlace TransactionRelay::find_place(const std::string& ids) const {
  CommitPlace place{KafkaError::CoordinatorNotAvailable};
  const auto topics = place_.backend->topics();
  const storage::TopicInfo* known = topics->find(coordinator::kTransactionsTopic);
  if (known == nullptr) return place;
  const kafka::Leaders leaders(*place_.backend);
  std::vector<kafka::Leaders::Answer> led;
  for (PartitionId i{0}; i < PartitionId{known->partition_count}; ++i)
    led.push_back(leaders.of({known->id, i}));
  for (int i = 0; i < kIdsOfPartition * known->partition_count && !place.is_here; ++i) {
    const std::string id = ids + std::to_string(i);
    const PartitionId partition = coordinator::partition_of_key(id, known->partition_count);
    const kafka::Leaders::Answer& leader = led[static_cast<size_t>(partition.value())];
    const bool is_here = leader.error == KafkaError::None;
    if (is_here || (leader.leader_id >= 0 && place.error != KafkaError::None))
      place = {KafkaError::None, id, {known->id, partition}, is_here};
  }
  return place;
}

void TransactionRelay::place_commit(std::string ids, coordinator::Done<CommitPlace> done) {
  place_.loop->post([this, ids = std::move(ids), done = std::move(done)] {
    transactions_.prepare([this, ids, done](KafkaError error) {
      done(error == KafkaError::None ? find_place(ids) : CommitPlace{error});
    });
  });
}

}  // namespace server
