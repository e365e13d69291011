#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

// first version that knows MEMBER_ID_REQUIRED (KIP-394)
constexpr int16_t kFirstThatKnowsMemberIdRequired = 4;
// first version with SkipAssignment in the answer (KIP-814)
constexpr int16_t kFirstThatSkipsAssignment = 9;

coordinator::JoinGroup to_join(const HandlerContext& context, JoinGroupRequest& request,
                               int16_t version) {
  coordinator::JoinGroup join;
  join.group_id = std::move(request.group_id);
  join.session_timeout_ms = request.session_timeout_ms;
  // Version 0 has one time-out for session and rebalance.
  join.rebalance_timeout_ms =
      version == 0 ? request.session_timeout_ms : std::max(request.rebalance_timeout_ms, 0);
  join.member_id = std::move(request.member_id);
  join.instance_id = std::move(request.group_instance_id);
  join.protocol_type = std::move(request.protocol_type);
  for (JoinGroupRequest::Protocol& each : request.protocols)
    join.protocols.push_back({std::move(each.name), std::string(each.metadata)});
  join.client_id = context.client_id;
  join.client_host = context.client_host;
  join.needs_member_id = version >= kFirstThatKnowsMemberIdRequired;
  join.can_skip_assignment = version >= kFirstThatSkipsAssignment;
  return join;
}

}  // namespace

void handle_join_group(HandlerContext& context, JoinGroupRequest request,
                       Reply<JoinGroupResponse> reply) {
  context.backend.groups().ask(
      to_join(context, request, reply.version()), [reply](const coordinator::JoinedGroup& joined) {
        JoinGroupResponse response;
        response.error_code = joined.error;
        response.generation_id = joined.generation;
        response.protocol_type = joined.protocol_type;
        response.protocol_name = joined.protocol_name;
        response.leader = joined.leader;
        response.skip_assignment = joined.skips_assignment;
        response.member_id = joined.member_id;
        for (const auto& member : joined.members)
          response.members.push_back({member.id, member.instance_id, member.metadata});
        reply.send(response);
      });
}

}  // namespace server::kafka
