#include <memory>
#include <utility>
#include <vector>

#include "server/kafka/confirmed_answers.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leader_epochs.h"
#include "server/kafka/leaders.h"
#include "server/kafka/turn.h"

namespace server::kafka {

namespace {

using EpochEndAsked = OffsetForLeaderEpochRequest::Topic::Partition;
using EpochEndAnswer = OffsetForLeaderEpochResponse::Topic::Partition;

Status find(storage::LogReader& reader, const storage::TopicPartition& partition,
            const EpochEndAsked& asked, EpochEndAnswer& answer) {
  answer.error_code = TRY(check_leader_epoch(reader, partition, asked.current_leader_epoch));
  if (answer.error_code != KafkaError::None) return {};
  const storage::EpochEnd end =
      TRY(reader.end_of_epoch(partition, LeaderEpoch(asked.leader_epoch)));
  answer.leader_epoch = end.epoch.value();
  answer.end_offset = end.end.value();
  return {};
}

}  // namespace

void handle_offset_for_leader_epoch(HandlerContext& context, OffsetForLeaderEpochRequest request,
                                    Reply<OffsetForLeaderEpochResponse> reply) {
  const auto topics = context.backend.topics();
  storage::LogReader& reader = context.backend.reader();
  const Turn turn(reader);
  const Leaders leaders(context.backend);
  auto shared = std::make_shared<OffsetForLeaderEpochResponse>();
  OffsetForLeaderEpochResponse& response = *shared;
  std::vector<ToConfirm> told;
  for (const OffsetForLeaderEpochRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.topic);
    OffsetForLeaderEpochResponse::Topic& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const EpochEndAsked& asked : topic.partitions) {
      EpochEndAnswer& answer = answers.partitions.emplace_back();
      answer.partition = asked.partition;
      Status found = turn.begun();
      if (found && !known) found = Error{ErrorCode::UnknownTopic, "the topic does not exist"};
      if (found) answer.error_code = leaders.of({known->id, PartitionId(asked.partition)}).error;
      if (answer.error_code != KafkaError::None) continue;
      if (found) found = find(reader, {known->id, PartitionId(asked.partition)}, asked, answer);
      if (!found)
        answer.error_code = kafka_error(found.error().code);
      else if (answer.error_code == KafkaError::None)
        told.push_back({{known->id, PartitionId(asked.partition)},
                        response.topics.size() - 1,
                        answers.partitions.size() - 1});
    }
  }
  // The leadership is confirmed before the answers are sent. A leader that was frozen may have been
  // replaced, and does not know later epochs. A client that has read records of such an epoch would
  // conclude from its answer that the log was truncated, and would reset its position.
  send_confirmed(context.backend, context.aside, std::move(reply), std::move(shared),
                 std::move(told), [](int32_t partition) {
                   return EpochEndAnswer{.error_code = KafkaError::NotLeaderOrFollower,
                                         .partition = partition};
                 });
}

}  // namespace server::kafka
