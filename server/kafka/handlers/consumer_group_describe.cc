#include <fmt/format.h>

#include <utility>

#include "server/kafka/handlers/describe_by_group.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/topic_id_partitions.h"

namespace server::kafka {

namespace {

constexpr int8_t kClassicMember = 0, kConsumerMember = 1;  // member types of KIP-1099

void fill_consumer_group(ConsumerGroupDescribeResponse::Group& answer,
                         const coordinator::ConsumerGroupDescription& group,
                         const storage::TopicSnapshot& topics) {
  answer.error_code = group.error;
  if (group.error == coordinator::kGroupIdNotFound)
    answer.error_message = fmt::format("Group {} is not a consumer group.", group.group_id);
  answer.group_state = group.state;
  answer.group_epoch = group.epoch;
  answer.assignment_epoch = group.assignment_epoch;
  answer.assignor_name = group.assignor;
  const auto name = [&](auto& topic) {
    if (const storage::TopicInfo* known = topics.find(topic.topic_id))
      topic.topic_name = known->name;
  };
  for (const auto& each : group.members) {
    ConsumerGroupDescribeResponse::Group::Member& member = answer.members.emplace_back();
    member.member_id = each.id;
    member.instance_id = each.instance_id;
    member.rack_id = each.rack_id;
    member.member_epoch = each.epoch;
    member.client_id = each.client_id;
    member.client_host = each.client_host;
    member.subscribed_topic_names = each.topics;
    if (!each.regex.empty()) member.subscribed_topic_regex = each.regex;
    add_topics_of(each.assigned, member.assignment.topic_partitions, name);
    add_topics_of(each.target, member.target_assignment.topic_partitions, name);
    member.member_type = each.is_classic ? kClassicMember : kConsumerMember;
  }
}

}  // namespace

void handle_consumer_group_describe(HandlerContext& context, ConsumerGroupDescribeRequest request,
                                    Reply<ConsumerGroupDescribeResponse> reply) {
  describe_groups<coordinator::DescribeConsumerGroup>(context, std::move(request), reply,
                                                      fill_consumer_group);
}

}  // namespace server::kafka
