#include <algorithm>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/topic_id_partitions.h"

namespace server::kafka {

namespace {

// the first version in which clients choose member ids (KIP-1082)
constexpr int16_t kFirstWhoseClientsMakeIds = 1;

coordinator::ConsumerGroupHeartbeat to_heartbeat(const HandlerContext& context,
                                                 ConsumerGroupHeartbeatRequest& request,
                                                 int16_t version) {
  coordinator::ConsumerGroupHeartbeat heartbeat;
  heartbeat.group_id = std::move(request.group_id);
  heartbeat.member_id = std::move(request.member_id);
  heartbeat.member_epoch = request.member_epoch;
  heartbeat.instance_id = std::move(request.instance_id);
  heartbeat.rack_id = std::move(request.rack_id);
  heartbeat.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.subscribed_topic_names) {
    heartbeat.topics = std::move(request.subscribed_topic_names);
    std::ranges::sort(*heartbeat.topics);
    heartbeat.topics->erase(std::ranges::unique(*heartbeat.topics).begin(),
                            heartbeat.topics->end());
  }
  heartbeat.regex = std::move(request.subscribed_topic_regex);
  heartbeat.assignor = std::move(request.server_assignor);
  if (request.topic_partitions) heartbeat.owned = to_partitions(*request.topic_partitions);
  heartbeat.makes_member_id = version >= kFirstWhoseClientsMakeIds;
  heartbeat.client_id = context.client_id;
  heartbeat.client_host = context.client_host;
  return heartbeat;
}

}  // namespace

void handle_consumer_group_heartbeat(HandlerContext& context, ConsumerGroupHeartbeatRequest request,
                                     Reply<ConsumerGroupHeartbeatResponse> reply) {
  context.backend.groups().ask(to_heartbeat(context, request, reply.version()),
                               [reply](coordinator::ConsumerGroupHeartbeatAnswer answer) {
                                 ConsumerGroupHeartbeatResponse response;
                                 response.error_code = answer.error;
                                 if (!answer.message.empty())
                                   response.error_message = std::move(answer.message);
                                 if (!answer.member_id.empty())
                                   response.member_id = std::move(answer.member_id);
                                 response.member_epoch = answer.member_epoch;
                                 response.heartbeat_interval_ms = answer.heartbeat_interval_ms;
                                 if (answer.assignment)
                                   add_topics_of(*answer.assignment,
                                                 response.assignment.emplace().topic_partitions,
                                                 [](auto&) {});
                                 reply.send(response);
                               });
}

}  // namespace server::kafka
