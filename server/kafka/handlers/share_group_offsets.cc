// The offsets of share groups, which administrators describe, change and delete.
#include <utility>

#include "server/coordinator/share_messages.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leader_epochs.h"

namespace server::kafka {

namespace {

std::optional<std::string> reason(KafkaError error, const std::string& group) {
  if (error == coordinator::kGroupIdNotFound) return "Group " + group + " is not a share group.";
  if (error == coordinator::kNonEmptyGroup) return "Group " + group + " has members.";
  return std::nullopt;
}

void fill(DescribeShareGroupOffsetsResponse::Group& to,
          const coordinator::ShareGroupOffsets& offsets, const Backend& backend) {
  to.error_code = offsets.error;
  to.error_message = reason(offsets.error, to.group_id);
  for (const auto& from : offsets.topics) {
    auto& topic = to.topics.emplace_back();
    topic.topic_name = from.name;
    topic.topic_id = from.id;
    for (const auto& each : from.partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = each.partition;
      partition.start_offset = each.start_offset;
      partition.lag = each.lag;
      partition.error_code = each.error;
      if (each.error == KafkaError::None)
        partition.leader_epoch = leader_epoch(backend, {from.id, PartitionId(each.partition)});
    }
  }
}

}  // namespace

void handle_describe_share_group_offsets(HandlerContext& context,
                                         DescribeShareGroupOffsetsRequest request,
                                         Reply<DescribeShareGroupOffsetsResponse> reply) {
  using Pending = PendingResponse<DescribeShareGroupOffsetsResponse>;
  auto pending = std::make_shared<Pending>(Pending{{}, reply});
  pending->response.groups.resize(request.groups.size());
  for (size_t i = 0; i < request.groups.size(); ++i) {
    auto& asked = request.groups[i];
    pending->response.groups[i].group_id = asked.group_id;
    coordinator::DescribeShareGroupOffsets describe{std::move(asked.group_id)};
    if (asked.topics) {
      describe.topics.emplace();
      for (auto& topic : *asked.topics)
        describe.topics->emplace_back(std::move(topic.topic_name), std::move(topic.partitions));
    }
    ++pending->left;
    context.backend.groups().ask(
        std::move(describe),
        [pending, i, &backend = context.backend](const coordinator::ShareGroupOffsets& offsets) {
          fill(pending->response.groups[i], offsets, backend);
          pending->complete_one();
        });
  }
  pending->complete_one();
}

void handle_alter_share_group_offsets(HandlerContext& context,
                                      AlterShareGroupOffsetsRequest request,
                                      Reply<AlterShareGroupOffsetsResponse> reply) {
  if (!context.backend.has_share_groups()) {
    AlterShareGroupOffsetsResponse refusal;
    refusal.error_code = KafkaError::InvalidRequest;
    refusal.error_message = kNoShareGroupsYet;
    return reply.send(refusal);
  }
  coordinator::AlterShareGroupOffsets alter{request.group_id};
  for (auto& topic : request.topics) {
    auto& partitions =
        alter.topics
            .emplace_back(std::move(topic.topic_name), std::vector<std::pair<int32_t, int64_t>>())
            .second;
    for (const auto& each : topic.partitions)
      partitions.emplace_back(each.partition_index, each.start_offset);
  }
  context.backend.groups().ask(
      std::move(alter),
      [reply, group = request.group_id](const coordinator::ShareGroupOffsets& altered) {
        AlterShareGroupOffsetsResponse response;
        response.error_code = altered.error;
        response.error_message = reason(altered.error, group);
        for (const auto& from : altered.topics) {
          auto& topic = response.responses.emplace_back();
          topic.topic_name = from.name;
          topic.topic_id = from.id;
          for (const auto& each : from.partitions) {
            auto& partition = topic.partitions.emplace_back();
            partition.partition_index = each.partition;
            partition.error_code = each.error;
          }
        }
        reply.send(response);
      });
}

void handle_delete_share_group_offsets(HandlerContext& context,
                                       DeleteShareGroupOffsetsRequest request,
                                       Reply<DeleteShareGroupOffsetsResponse> reply) {
  coordinator::DeleteShareGroupOffsets forget{request.group_id};
  for (auto& topic : request.topics) forget.topics.push_back(std::move(topic.topic_name));
  context.backend.groups().ask(
      std::move(forget),
      [reply, group = request.group_id](const coordinator::DeletedShareOffsets& deleted) {
        DeleteShareGroupOffsetsResponse response;
        response.error_code = deleted.error;
        response.error_message = reason(deleted.error, group);
        for (const auto& from : deleted.topics) {
          auto& topic = response.responses.emplace_back();
          topic.topic_name = from.name;
          topic.topic_id = from.id;
          topic.error_code = from.error;
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
