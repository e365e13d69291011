#include "server/coordinator/internal_topics.h"
#include "server/coordinator/key_partition.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/transaction_answers.h"

namespace server::kafka {

// The offsets of a group lie in a partition, too, which then is part of the transaction.
void handle_add_offsets_to_txn(HandlerContext& context, AddOffsetsToTxnRequest request,
                               Reply<AddOffsetsToTxnResponse> reply) {
  constexpr int16_t kFirstWithFenced = 2;
  const auto send = [reply](KafkaError error) {
    AddOffsetsToTxnResponse response;
    response.error_code = known_to_client(error, reply.version(), kFirstWithFenced);
    reply.send(response);
  };
  if (request.group_id.empty()) return send(coordinator::kInvalidGroupId);
  Backend& backend = context.backend;
  backend.groups().prepare([&backend, send, request = std::move(request)](KafkaError error) {
    const auto topics = backend.topics();
    const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
    if (error != KafkaError::None || !offsets) return send(KafkaError::CoordinatorNotAvailable);
    const PartitionId partition =
        coordinator::partition_of_key(request.group_id, offsets->partition_count);
    backend.transactions().ask(
        coordinator::AddPartitions{
            .transactional_id = request.transactional_id,
            .producer = {ProducerId{request.producer_id}, request.producer_epoch},
            .partitions = {{std::string(coordinator::kOffsetsTopic), {partition.value()}}}},
        [send](const coordinator::TransactionAnswer& answer) { send(answer.error); });
  });
}

}  // namespace server::kafka
