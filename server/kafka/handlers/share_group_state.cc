// Requests of the leader of a partition to the coordinator of a share group. Only nodes of the cluster send them.
// They have the numbers and fields of Kafka's requests, and one additional field.
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/share_messages.h"

namespace server::kafka {

namespace {

// Copies the error of the whole answer into each partition, where the protocol has it.
template <class Answer, class Asked>
void refuse_all(Answer& answer, const Asked& asked) {
  if (answer.error == KafkaError::None) return;
  answer.partitions.clear();
  for (const auto& each : asked) {
    auto& part = answer.partitions.emplace_back();
    part.id = each.id;
    part.error = answer.error;
  }
}

}  // namespace

void handle_read_share_group_state(HandlerContext& context, ReadShareGroupStateRequest request,
                                   Reply<ReadShareGroupStateResponse> reply) {
  coordinator::ReadShareState read{std::move(request.group_id)};
  for (const auto& topic : request.topics)
    for (const auto& each : topic.partitions)
      read.partitions.push_back({{topic.topic_id, each.partition}, each.leader_epoch});
  const auto asked = read.partitions;
  context.backend.groups().ask(std::move(read), [reply, asked](coordinator::ShareStateRead answer) {
    refuse_all(answer, asked);
    ReadShareGroupStateResponse response;
    for (auto& from : answer.partitions) {
      auto& part = topic_of(response.results, from.id.topic_id).partitions.emplace_back();
      part.partition = from.id.partition;
      part.error_code = from.error;
      part.state_epoch = from.state_epoch;
      part.start_offset = from.start;
      for (const coordinator::ShareStateBatch& batch : from.batches)
        part.state_batches.push_back({batch.first, batch.last, batch.state, batch.delivery_count});
    }
    reply.send(response);
  });
}

void handle_write_share_group_state(HandlerContext& context, WriteShareGroupStateRequest request,
                                    Reply<WriteShareGroupStateResponse> reply) {
  coordinator::WriteShareState write{std::move(request.group_id), request.sequence};
  for (const auto& topic : request.topics)
    for (const auto& from : topic.partitions) {
      coordinator::WriteShareState::Partition& part = write.partitions.emplace_back();
      part.id = {topic.topic_id, from.partition};
      part.leader_epoch = from.leader_epoch;
      part.state_epoch = from.state_epoch;
      part.start = from.start_offset;
      for (const auto& batch : from.state_batches)
        part.batches.push_back(
            {batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count});
    }
  std::vector<coordinator::ShareStateWritten::Partition> asked;
  for (const auto& each : write.partitions) asked.push_back({each.id});
  context.backend.groups().ask(
      std::move(write), [reply, asked](coordinator::ShareStateWritten answer) {
        refuse_all(answer, asked);
        WriteShareGroupStateResponse response;
        for (const auto& from : answer.partitions) {
          auto& part = topic_of(response.results, from.id.topic_id).partitions.emplace_back();
          part.partition = from.id.partition;
          part.error_code = from.error;
        }
        reply.send(response);
      });
}

}  // namespace server::kafka
