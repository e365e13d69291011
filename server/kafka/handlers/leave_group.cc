#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

constexpr int16_t kFirstWithMembers = 3;  // earlier versions name a single member

}  // namespace

void handle_leave_group(HandlerContext& context, LeaveGroupRequest request,
                        Reply<LeaveGroupResponse> reply) {
  coordinator::LeaveGroup leave;
  leave.group_id = std::move(request.group_id);
  if (reply.version() < kFirstWithMembers) leave.members.push_back({std::move(request.member_id)});
  for (LeaveGroupRequest::Member& each : request.members)
    leave.members.push_back({std::move(each.member_id), std::move(each.group_instance_id)});
  context.backend.groups().ask(std::move(leave), [reply](const coordinator::LeftGroup& left) {
    LeaveGroupResponse response;
    response.error_code = left.error;
    if (reply.version() < kFirstWithMembers && !left.members.empty())
      response.error_code = left.members.front().error;
    for (const auto& member : left.members)
      response.members.push_back({member.id, member.instance_id, member.error});
    reply.send(response);
  });
}

}  // namespace server::kafka
