#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int16_t kFirstWithMemberEpochs = 9;  // KIP-848

}  // namespace

void handle_offset_commit(HandlerContext& context, OffsetCommitRequest request,
                          Reply<OffsetCommitResponse> reply) {
  coordinator::CommitOffsets commit;
  commit.group_id = std::move(request.group_id);
  commit.generation = request.generation_id_or_member_epoch;
  commit.member_id = std::move(request.member_id);
  commit.instance_id = std::move(request.group_instance_id);
  commit.retention_ms = request.retention_time_ms;
  commit.knows_member_epochs = reply.version() >= kFirstWithMemberEpochs;
  for (OffsetCommitRequest::Topic& topic : request.topics) {
    auto& [name, partitions] = commit.topics.emplace_back();
    name = std::move(topic.name);
    for (auto& each : topic.partitions)
      partitions.push_back({each.partition_index, each.committed_offset,
                            each.committed_leader_epoch,
                            std::move(each.committed_metadata).value_or("")});
  }
  context.backend.groups().ask(std::move(commit), [reply](coordinator::CommittedOffsets committed) {
    OffsetCommitResponse response;
    for (auto& [name, partitions] : committed.topics) {
      OffsetCommitResponse::Topic& topic = response.topics.emplace_back();
      topic.name = std::move(name);
      for (const auto& each : partitions) topic.partitions.push_back({each.partition, each.error});
    }
    reply.send(response);
  });
}

}  // namespace server::kafka
