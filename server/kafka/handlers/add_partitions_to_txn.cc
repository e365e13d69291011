#include <algorithm>

#include "server/coordinator/internal_topics.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

constexpr int16_t kFirstWithFenced = 2;

// Returns None if the partition exists and is not one of a coordinator's topics.
KafkaError check(const storage::TopicInfo* topic, std::string_view name, int32_t partition) {
  if (!topic || partition < 0 || partition >= topic->partition_count)
    return KafkaError::UnknownTopicOrPartition;
  return coordinator::is_coordinator_topic(name) ? KafkaError::InvalidTopic : KafkaError::None;
}

}  // namespace

// Adds the partitions to the producer's transaction, all or none.
void handle_add_partitions_to_txn(HandlerContext& context, AddPartitionsToTxnRequest request,
                                  Reply<AddPartitionsToTxnResponse> reply) {
  const auto topics = context.backend.topics();
  coordinator::AddPartitions add{
      .transactional_id = std::move(request.transactional_id),
      .producer = {ProducerId{request.producer_id}, request.producer_epoch}};
  AddPartitionsToTxnResponse response;
  bool are_all_there = true;
  for (AddPartitionsToTxnRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    auto& answer = response.results_by_topic.emplace_back();
    for (const int32_t partition : topic.partitions) {
      const KafkaError error = check(known, topic.name, partition);
      are_all_there = are_all_there && error == KafkaError::None;
      answer.results_by_partition.push_back({partition, error});
    }
    auto& all = add.partitions[topic.name];
    all.insert(all.end(), topic.partitions.begin(), topic.partitions.end());
    answer.name = std::move(topic.name);
  }
  const auto set_all = [](AddPartitionsToTxnResponse& to, KafkaError error) {
    for (auto& topic : to.results_by_topic)
      for (auto& partition : topic.results_by_partition)
        if (partition.partition_error_code == KafkaError::None)
          partition.partition_error_code = error;
  };
  if (!are_all_there) {
    set_all(response, kOperationNotAttempted);
    return reply.send(response);
  }
  for (auto& [topic, partitions] : add.partitions) {
    std::ranges::sort(partitions);
    partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  }
  context.backend.transactions().ask(
      std::move(add), [reply, response = std::move(response),
                       set_all](const coordinator::TransactionAnswer& answer) mutable {
        set_all(response, known_to_client(answer.error, reply.version(), kFirstWithFenced));
        reply.send(response);
      });
}

}  // namespace server::kafka
