#include <set>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/turn.h"

namespace server::kafka {

namespace {

using DescribeProducersAnswer = DescribeProducersResponse::Topic::Partition;

// Limit for the producers of all partitions of a request together, because each partition may
// remember many producers.
constexpr size_t kMostProducers = 100'000;

Status describe(storage::LogReader& reader, const storage::TopicPartition& partition, size_t& left,
                DescribeProducersAnswer& answer) {
  if (left == 0)
    return Error{ErrorCode::LimitExceeded,
                 "the request has too many partitions; request fewer at a time"};
  for (const storage::ActiveProducer& producer : TRY(reader.producers(partition))) {
    if (left > 0) --left;
    answer.active_producers.push_back(
        {.producer_id = producer.id.value(),
         .producer_epoch = producer.epoch,
         .last_sequence = producer.last_sequence,
         .last_timestamp = producer.last_append_ms,
         .coordinator_epoch = producer.coordinator_epoch.value_or(-1),
         .current_txn_start_offset = producer.open_since.value_or(Offset{-1}).value()});
  }
  return {};
}

}  // namespace

void handle_describe_producers(HandlerContext& context, DescribeProducersRequest request,
                               Reply<DescribeProducersResponse> reply) {
  const auto topics = context.backend.topics();
  storage::LogReader& reader = context.backend.reader();
  const Turn turn(reader);
  const Leaders leaders(context.backend);
  DescribeProducersResponse response;
  size_t left = kMostProducers;
  std::set<std::pair<std::string_view, int32_t>> seen;
  for (const DescribeProducersRequest::Topic& topic : request.topics) {
    const storage::TopicInfo* known = topics->find(topic.name);
    DescribeProducersResponse::Topic& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const int32_t index : topic.partition_indexes) {
      // Repeated partitions are skipped, because each repetition would read the log again.
      if (!seen.emplace(topic.name, index).second) continue;
      DescribeProducersAnswer& answer = answers.partitions.emplace_back();
      answer.partition_index = index;
      Status found = turn.begun();
      if (found && !known) found = Error{ErrorCode::UnknownTopic, "the topic does not exist"};
      // Any replica answers, not only the leader, because tools ask all replicas when they search
      // for hanging transactions.
      if (found && !leaders.is_here({known->id, PartitionId(index)}))
        answer.error_code = leaders.of({known->id, PartitionId(index)}).error;
      if (answer.error_code != KafkaError::None) continue;
      if (found) found = describe(reader, {known->id, PartitionId(index)}, left, answer);
      if (found) continue;
      answer.error_code = kafka_error(found.error().code);
      answer.error_message = found.error().message;
    }
  }
  reply.send(response);
}

}  // namespace server::kafka
