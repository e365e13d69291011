#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/topic_id_partitions.h"

namespace server::kafka {

void handle_share_group_heartbeat(HandlerContext& context, ShareGroupHeartbeatRequest request,
                                  Reply<ShareGroupHeartbeatResponse> reply) {
  if (!context.backend.has_share_groups()) {
    ShareGroupHeartbeatResponse refusal;
    refusal.error_code = KafkaError::InvalidRequest;
    refusal.error_message = kNoShareGroupsYet;
    return reply.send(refusal);
  }
  coordinator::ShareGroupHeartbeat heartbeat{.group_id = std::move(request.group_id),
                                             .member_id = std::move(request.member_id),
                                             .member_epoch = request.member_epoch,
                                             .rack_id = std::move(request.rack_id),
                                             .topics = std::move(request.subscribed_topic_names),
                                             .client_id = context.client_id,
                                             .client_host = context.client_host};
  if (heartbeat.topics) {
    std::ranges::sort(*heartbeat.topics);
    heartbeat.topics->erase(std::ranges::unique(*heartbeat.topics).begin(),
                            heartbeat.topics->end());
  }
  context.backend.groups().ask(
      std::move(heartbeat), [reply](coordinator::ShareGroupHeartbeatAnswer answer) {
        ShareGroupHeartbeatResponse response;
        response.error_code = answer.error;
        if (!answer.message.empty()) response.error_message = std::move(answer.message);
        if (!answer.member_id.empty()) response.member_id = std::move(answer.member_id);
        response.member_epoch = answer.member_epoch;
        response.heartbeat_interval_ms = answer.heartbeat_interval_ms;
        if (answer.assignment)
          add_topics_of(*answer.assignment, response.assignment.emplace().topic_partitions,
                        [](auto&) {});
        reply.send(response);
      });
}

}  // namespace server::kafka
