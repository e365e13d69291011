#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

constexpr int8_t kPreferred = 0, kUnclean = 1;

using Answer = ElectLeadersResponse::Result::Partition;

void refuse(Answer& answer, KafkaError error, const char* message) {
  answer.error_code = error;
  answer.error_message = message;
}

// The controller elects by itself, and so soon that there is seldom anything left to ask for.
void check_in_cluster(const ClusterView& view, const storage::TopicPartition& partition,
                      int8_t election_type, Answer& answer) {
  const storage::PartitionAssignment* known = view.metadata->find(partition);
  if (known == nullptr || known->replicas.empty())
    return refuse(answer, kLeaderNotAvailable, "the partition has no replicas yet");
  if (election_type == kUnclean)
    return known->leader ? refuse(answer, kElectionNotNeeded, "the partition has a leader")
                         : refuse(answer, kEligibleLeadersNotAvailable,
                                  "no replica is there that has all that was acknowledged, and no "
                                  "other is elected");
  const NodeId preferred = known->replicas.front();
  if (known->leader == preferred)
    return refuse(answer, kElectionNotNeeded, "the partition has its preferred leader");
  if (!known->is_in_sync(preferred) || view.find(preferred.value()) == nullptr)
    return refuse(answer, kPreferredLeaderNotAvailable, "the preferred leader is not in sync");
  refuse(answer, KafkaError::InvalidRequest,
         "to move the leadership on request is not supported yet");
}

}  // namespace

// On one node each partition has one replica, which leads it: there is nothing to elect.
void handle_elect_leaders(HandlerContext& context, ElectLeadersRequest request,
                          Reply<ElectLeadersResponse> reply) {
  ElectLeadersResponse response;
  if (request.election_type != kPreferred && request.election_type != kUnclean) {
    response.error_code = KafkaError::InvalidRequest;
    return reply.send(response);
  }
  const auto topics = context.backend.topics();
  const auto view = context.backend.cluster();
  // Asked about all of them, Kafka names those alone where something happened.
  if (request.topic_partitions)
    for (const ElectLeadersRequest::TopicPartition& asked : *request.topic_partitions) {
      const storage::TopicInfo* topic = topics->find(asked.topic);
      ElectLeadersResponse::Result& result = response.replica_election_results.emplace_back();
      result.topic = asked.topic;
      for (const int32_t index : asked.partitions) {
        Answer& partition = result.partition_result.emplace_back();
        partition.partition_id = index;
        if (!topic || index < 0 || index >= topic->partition_count)
          refuse(partition, KafkaError::UnknownTopicOrPartition, "there is no such partition");
        else if (view)
          check_in_cluster(*view, {topic->id, PartitionId(index)}, request.election_type,
                           partition);
        else
          refuse(partition, kElectionNotNeeded, "the partition has its preferred leader");
      }
    }
  reply.send(response);
}

}  // namespace server::kafka
