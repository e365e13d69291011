#include <fmt/format.h>

#include <utility>

#include "server/coordinator/share_assignor.h"
#include "server/kafka/handlers/describe_by_group.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/topic_id_partitions.h"

namespace server::kafka {

namespace {

void fill_share_group(ShareGroupDescribeResponse::Group& answer,
                      const coordinator::ShareGroupDescription& group,
                      const storage::TopicSnapshot& topics) {
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
  describe_groups<coordinator::DescribeShareGroup>(context, std::move(request), reply,
                                                   fill_share_group);
}

}  // namespace server::kafka
