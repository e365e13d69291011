#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

// Kept until the transaction is decided; the coordinator of the transaction has been told already
// (AddOffsetsToTxn).
void handle_txn_offset_commit(HandlerContext& context, TxnOffsetCommitRequest request,
                              Reply<TxnOffsetCommitResponse> reply) {
  coordinator::CommitOffsets commit;
  commit.group_id = std::move(request.group_id);
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
  context.backend.groups().ask(std::move(commit), [reply](coordinator::CommittedOffsets committed) {
    TxnOffsetCommitResponse response;
    for (auto& [name, partitions] : committed.topics) {
      TxnOffsetCommitResponse::Topic& topic = response.topics.emplace_back();
      topic.name = std::move(name);
      for (const auto& each : partitions) topic.partitions.push_back({each.partition, each.error});
    }
    reply.send(response);
  });
}

}  // namespace server::kafka
