#include <memory>
#include <utility>
#include <vector>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leader_epochs.h"
#include "server/kafka/leaders.h"
#include "server/kafka/turn.h"

namespace server::kafka {

namespace {

using Asked = OffsetForLeaderEpochRequest::Topic::Partition;
using Answer = OffsetForLeaderEpochResponse::Topic::Partition;

// An answer that holds only if this node leads the partition still: one that was replaced while it was frozen knows of no
// epoch since, and a client that has read under one would take its log for cut off, and begin anew.
struct Told {
  storage::TopicPartition partition;
  size_t topic_index, index;
};

Status find(storage::LogReader& reader, const storage::TopicPartition& partition,
            const Asked& asked, Answer& answer) {
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
  std::vector<Told> told;
  for (const OffsetForLeaderEpochRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.topic);
    OffsetForLeaderEpochResponse::Topic& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const Asked& asked : topic.partitions) {
      Answer& answer = answers.partitions.emplace_back();
      answer.partition = asked.partition;
      Status found = turn.begun();
      if (found && !known) found = Error{ErrorCode::UnknownTopic, "there is no such topic"};
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
  std::vector<storage::TopicPartition> partitions;
  for (const Told& each : told) partitions.push_back(each.partition);
  context.backend.confirm_leads(
      std::move(partitions),
      [shared, reply, told = std::move(told)](const Backend::ConfirmedLeaders& confirmed) {
        for (const Told& each : told)
          if (!confirmed.contains(each.partition)) {
            Answer& answer = shared->topics[each.topic_index].partitions[each.index];
            answer = {};
            answer.partition = each.partition.partition.value();
            answer.error_code = KafkaError::NotLeaderOrFollower;
          }
        reply.send(*shared);
      });
}

}  // namespace server::kafka
