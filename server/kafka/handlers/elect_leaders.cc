#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// Each partition has one replica, which leads it: there is nothing to elect.
void handle_elect_leaders(HandlerContext& context, ElectLeadersRequest request,
                          Reply<ElectLeadersResponse> reply) {
  constexpr int8_t kPreferred = 0, kUnclean = 1;
  ElectLeadersResponse response;
  if (request.election_type != kPreferred && request.election_type != kUnclean) {
    response.error_code = KafkaError::InvalidRequest;
    return reply.send(response);
  }
  if (context.backend.cluster()) {
    // The controller does it by itself; to ask it for that is not supported yet.
    response.error_code = KafkaError::InvalidRequest;
    return reply.send(response);
  }
  const auto topics = context.backend.topics();
  // Asked about all of them, Kafka names those alone where something happened.
  if (request.topic_partitions)
    for (const ElectLeadersRequest::TopicPartition& asked : *request.topic_partitions) {
      const storage::TopicInfo* topic = topics->find(asked.topic);
      ElectLeadersResponse::Result& result = response.replica_election_results.emplace_back();
      result.topic = asked.topic;
      for (const int32_t index : asked.partitions) {
        ElectLeadersResponse::Result::Partition& partition = result.partition_result.emplace_back();
        partition.partition_id = index;
        const bool is_there = topic && index >= 0 && index < topic->partition_count;
        partition.error_code = is_there ? kElectionNotNeeded : KafkaError::UnknownTopicOrPartition;
        partition.error_message =
            is_there ? "the partition has its preferred leader" : "there is no such partition";
      }
    }
  reply.send(response);
}

}  // namespace server::kafka
