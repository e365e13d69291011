#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// Answers requests to move replicas to another directory of a node. A node has one directory, so a
// move to this directory succeeds without work, and a move to another directory is refused.
void handle_alter_replica_log_dirs(HandlerContext& context, AlterReplicaLogDirsRequest request,
                                   Reply<AlterReplicaLogDirsResponse> reply) {
  const auto topics = context.backend.topics();
  const std::string only = context.backend.log_directory().path;
  AlterReplicaLogDirsResponse response;
  for (const AlterReplicaLogDirsRequest::Dir& directory : request.dirs)
    for (const AlterReplicaLogDirsRequest::Dir::Topic& asked : directory.topics) {
      const storage::TopicInfo* topic = topics->find(asked.name);
      AlterReplicaLogDirsResponse::Topic& answer = response.results.emplace_back();
      answer.topic_name = asked.name;
      for (const int32_t index : asked.partitions) {
        const bool is_there = topic && index >= 0 && index < topic->partition_count;
        answer.partitions.push_back({.partition_index = index,
                                     .error_code = directory.path != only ? kLogDirNotFound
                                                   : is_there
                                                       ? KafkaError::None
                                                       : KafkaError::UnknownTopicOrPartition});
      }
    }
  reply.send(response);
}

}  // namespace server::kafka
