#include <algorithm>
#include <utility>

#include "server/kafka/handlers/share_messages.h"

namespace server::kafka {

void handle_share_acknowledge(HandlerContext& context, ShareAcknowledgeRequest request,
                              Reply<ShareAcknowledgeResponse> reply) {
  coordinator::ShareFetch acknowledge{.acknowledges_only = true};
  if (!begin_share_request(context, request, reply, acknowledge)) return;
  context.backend.groups().ask_here(
      std::move(acknowledge), [reply](coordinator::ShareFetched answer) {
        ShareAcknowledgeResponse response;
        response.error_code = share_error(answer.error);
        if (!answer.message.empty()) response.error_message = std::move(answer.message);
        response.acquisition_lock_timeout_ms = answer.lock_timeout_ms;
        std::ranges::stable_sort(answer.partitions, {}, &coordinator::ShareFetched::Partition::id);
        for (const auto& each : answer.partitions) {
          auto& partition =
              topic_of(response.responses, each.id.topic_id).partitions.emplace_back();
          partition.partition_index = each.id.partition;
          partition.error_code = each.acknowledge_error;
          partition.current_leader = {-1, -1};
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
