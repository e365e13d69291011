#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

void handle_heartbeat(HandlerContext& context, HeartbeatRequest request,
                      Reply<HeartbeatResponse> reply) {
  context.backend.groups().heartbeat(
      coordinator::GroupHeartbeat{std::move(request.group_id), request.generation_id,
                                  std::move(request.member_id),
                                  std::move(request.group_instance_id)},
      context.clock.monotonic_us(), [reply](coordinator::GroupHeartbeatAnswer answer) {
        HeartbeatResponse response;
        response.error_code = answer.error;
        reply.send(response);
      });
}

}  // namespace server::kafka
