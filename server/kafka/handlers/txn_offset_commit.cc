#include <utility>

#include "server/coordinator/internal_topics.h"
#include "server/coordinator/key_partition.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

using Send = std::function<void(const coordinator::CommittedOffsets&)>;

// The partition of the group is part of the producer's open transaction: else nobody would tell it how that
// ends, and the group's offsets would be undecided for good.
void verify(Backend& backend, const TxnOffsetCommitRequest& request,
            std::function<void(KafkaError)> done) {
  const auto topics = backend.topics();
  const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
  if (!offsets) return done(KafkaError::CoordinatorNotAvailable);
  const PartitionId partition =
      coordinator::partition_of_key(request.group_id, offsets->partition_count);
  backend.transactions().ask(
      coordinator::AddPartitions{
          .transactional_id = request.transactional_id,
          .producer = {ProducerId{request.producer_id}, request.producer_epoch},
          .partitions = {{std::string(coordinator::kOffsetsTopic), {partition.value()}}},
          .verify_only = true},
      [done = std::move(done)](const coordinator::TransactionAnswer& answer) {
        done(answer.error == coordinator::kProducerFenced ? KafkaError::InvalidProducerEpoch
                                                          : answer.error);
      });
}

coordinator::CommitOffsets to_commit(TxnOffsetCommitRequest& request) {
  coordinator::CommitOffsets commit;
  commit.group_id = request.group_id;
  commit.generation = request.generation_id;
  commit.member_id = std::move(request.member_id);
  commit.instance_id = std::move(request.group_instance_id);
  commit.producer = {ProducerId{request.producer_id}, request.producer_epoch};
  for (TxnOffsetCommitRequest::Topic& topic : request.topics) {
    auto& [name, partitions] = commit.topics.emplace_back();
    name = std::move(topic.name);
    for (auto& each : topic.partitions)
      partitions.push_back({each.partition_index, each.committed_offset,
                            each.committed_leader_epoch,
                            std::move(each.committed_metadata).value_or("")});
  }
  return commit;
}

}  // namespace

// Kept until the transaction is decided.
void handle_txn_offset_commit(HandlerContext& context, TxnOffsetCommitRequest request,
                              Reply<TxnOffsetCommitResponse> reply) {
  const Send send = [reply](const coordinator::CommittedOffsets& committed) {
    TxnOffsetCommitResponse response;
    for (const auto& [name, partitions] : committed.topics) {
      TxnOffsetCommitResponse::Topic& topic = response.topics.emplace_back();
      topic.name = name;
      for (const auto& each : partitions) topic.partitions.push_back({each.partition, each.error});
    }
    reply.send(response);
  };
  Backend& backend = context.backend;
  coordinator::CommitOffsets commit = to_commit(request);
  verify(backend, request, [&backend, commit = std::move(commit), send](KafkaError error) mutable {
    if (error != KafkaError::None) return send(commit.refusal(error));
    backend.groups().ask(std::move(commit), send);
  });
}

}  // namespace server::kafka
