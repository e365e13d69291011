#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"

namespace server::kafka {

namespace {

using DescribeGroupsPending = PendingResponse<DescribeGroupsResponse>;

constexpr int16_t kFirstThatKnowsGroupIdNotFound = 6;

// The answer in `pending` contains views of texts in `groups`. The callbacks share one object with both, so that the
// texts live until the answer is sent.
struct Described {
  DescribeGroupsPending pending;
  std::vector<coordinator::GroupDescription> groups;
};

void fill_classic_group(DescribeGroupsResponse::Group& answer,
                        const coordinator::GroupDescription& group, int16_t version) {
  answer.error_code = group.error;
  answer.group_state = group.state;
  answer.protocol_type = group.protocol_type;
  answer.protocol_data = group.protocol_name;
  if (group.error == coordinator::kGroupIdNotFound) {
    // In earlier versions, a group that does not exist has the state Dead and no error.
    if (version < kFirstThatKnowsGroupIdNotFound)
      answer.error_code = KafkaError::None;
    else
      answer.error_message = fmt::format("Group {} not found.", group.group_id);
  }
  for (const auto& member : group.members)
    answer.members.push_back({member.id, member.instance_id, member.client_id, member.client_host,
                              member.metadata, member.assignment});
}

}  // namespace

void handle_describe_groups(HandlerContext& context, DescribeGroupsRequest request,
                            Reply<DescribeGroupsResponse> reply) {
  // Each group is described only once. Repeating a group's name costs a client little, but each
  // description costs the server much.
  std::ranges::sort(request.groups);
  request.groups.erase(std::ranges::unique(request.groups).begin(), request.groups.end());
  auto described = std::make_shared<Described>(Described{{{}, reply}, {}});
  described->groups.resize(request.groups.size());
  described->pending.response.groups.resize(request.groups.size());
  for (size_t i = 0; i < request.groups.size(); ++i) {
    described->pending.response.groups[i].group_id = request.groups[i];
    if (request.include_authorized_operations)
      described->pending.response.groups[i].authorized_operations =
          authorized_operations(context.permissions.get(), ResourceType::Group, request.groups[i]);
    ++described->pending.left;
    context.backend.groups().ask(coordinator::DescribeGroup{std::move(request.groups[i])},
                                 [described, i](coordinator::GroupDescription group) {
                                   described->groups[i] = std::move(group);
                                   fill_classic_group(described->pending.response.groups[i],
                                                      described->groups[i],
                                                      described->pending.reply.version());
                                   described->pending.complete_one();
                                 });
  }
  described->pending.complete_one();
}

}  // namespace server::kafka
