#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

void handle_sync_group(HandlerContext& context, SyncGroupRequest request,
                       Reply<SyncGroupResponse> reply) {
  coordinator::SyncGroup sync;
  sync.group_id = std::move(request.group_id);
  sync.generation = request.generation_id;
  sync.member_id = std::move(request.member_id);
  sync.instance_id = std::move(request.group_instance_id);
  sync.protocol_type = std::move(request.protocol_type);
  sync.protocol_name = std::move(request.protocol_name);
  for (SyncGroupRequest::Assignment& each : request.assignments)
    sync.assignments[std::move(each.member_id)] = each.assignment;
  context.backend.groups().ask(std::move(sync), [reply](const coordinator::SyncedGroup& synced) {
    SyncGroupResponse response;
    response.error_code = synced.error;
    response.protocol_type = synced.protocol_type;
    response.protocol_name = synced.protocol_name;
    response.assignment = synced.assignment;
    reply.send(response);
  });
}

}  // namespace server::kafka
