// Functions that the handlers of ShareFetch and ShareAcknowledge share.
#pragma once
#include <utility>
#include <vector>

#include "server/coordinator/share_messages.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/share_connection.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// Replaces the coordinator's errors by an error after which a share consumer looks for the new
// leader.
inline KafkaError share_error(KafkaError error) {
  const bool is_of_coordinator = error == coordinator::kNotCoordinator ||
                                 error == coordinator::kCoordinatorLoadInProgress ||
                                 error == KafkaError::CoordinatorNotAvailable;
  return is_of_coordinator ? KafkaError::NotLeaderOrFollower : error;
}

// Reads the member and its acknowledgements from the request. If the request must be refused, it
// sends the refusal and returns false.
template <class Request, class Response>
bool begin_share_request(HandlerContext& context, Request& request, const Reply<Response>& reply,
                         coordinator::ShareFetch& to) {
  constexpr int32_t kCloses = -1;
  to.group_id = std::move(request.group_id).value_or("");
  to.member_id = std::move(request.member_id).value_or("");
  to.session_epoch = request.share_session_epoch;
  to.may_renew = request.is_renew_ack;
  for (auto& topic : request.topics)
    for (auto& partition : topic.partitions) {
      coordinator::ShareFetch::Partition& each = to.partitions.emplace_back();
      each.id = {topic.topic_id, partition.partition_index};
      for (auto& batch : partition.acknowledgement_batches)
        each.acknowledged.push_back(
            {batch.first_offset, batch.last_offset, std::move(batch.acknowledge_types)});
    }
  const auto refuse = [&](KafkaError error, const char* why) {
    Response refusal;
    refusal.error_code = error;
    refusal.error_message = why;
    reply.send(refusal);
    return false;
  };
  if (!context.backend.has_share_groups())
    return refuse(KafkaError::InvalidRequest, kNoShareGroupsYet);
  if (!context.shares)
    return refuse(KafkaError::InvalidRequest, "share sessions are not supported here");
  to.connection = context.shares->id();
  if (to.session_epoch == kCloses)
    context.shares->forget(to.group_id, to.member_id);
  else if (!context.shares->note(to.group_id, to.member_id))
    return refuse(coordinator::kShareSessionLimitReached,
                  "a connection can have at most 1000 share sessions");
  return true;
}

// Returns the last element if it is the topic's. Otherwise appends an element for the topic.
template <class Topics>
auto& topic_of(Topics& topics, const Uuid& id) {
  if (topics.empty() || topics.back().topic_id != id) topics.emplace_back().topic_id = id;
  return topics.back();
}

}  // namespace server::kafka
