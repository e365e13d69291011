#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/coordinator/share_assignor.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/topic_id_partitions.h"
#include "server/kafka/permissions.h"

namespace server::kafka {

namespace {

void fill(ShareGroupDescribeResponse::Group& answer,
          const coordinator::ShareGroupDescription& group, const storage::TopicSnapshot& topics) {
  answer.error_code = group.error;
  if (group.error == coordinator::kGroupIdNotFound)
    answer.error_message = fmt::format("Group {} is not a share group.", group.group_id);
  answer.group_state = group.state;
  answer.group_epoch = answer.assignment_epoch = group.epoch;
  if (group.error == KafkaError::None) answer.assignor_name = coordinator::kSimpleAssignor;
  for (const auto& each : group.members) {
    ShareGroupDescribeResponse::Group::Member& member = answer.members.emplace_back();
    member.member_id = each.id;
    member.rack_id = each.rack_id;
    member.member_epoch = each.epoch;
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.subscribed_topic_names = each.topics;
    add_topics_of(each.assigned, member.assignment.topic_partitions, [&](auto& topic) {
      if (const storage::TopicInfo* known = topics.find(topic.topic_id))
        topic.topic_name = known->name;
    });
  }
}

}  // namespace

void handle_share_group_describe(HandlerContext& context, ShareGroupDescribeRequest request,
                                 Reply<ShareGroupDescribeResponse> reply) {
  // Once each: to name a group costs a client far less than to describe it costs us.
  std::ranges::sort(request.group_ids);
  request.group_ids.erase(std::ranges::unique(request.group_ids).begin(), request.group_ids.end());
  using Pending = PendingResponse<ShareGroupDescribeResponse>;
  auto pending = std::make_shared<Pending>(Pending{{}, reply});
  pending->response.groups.resize(request.group_ids.size());
  for (size_t i = 0; i < request.group_ids.size(); ++i) {
    pending->response.groups[i].group_id = request.group_ids[i];
    if (request.include_authorized_operations)
      pending->response.groups[i].authorized_operations = authorized_operations(
          context.permissions.get(), ResourceType::Group, request.group_ids[i]);
    ++pending->left;
    context.backend.groups().ask(
        coordinator::DescribeShareGroup{std::move(request.group_ids[i])},
        [pending, i, topics = context.backend.topics()](const auto& group) {
          fill(pending->response.groups[i], group, *topics);
          pending->complete_one();
        });
  }
  pending->complete_one();
}

}  // namespace server::kafka
