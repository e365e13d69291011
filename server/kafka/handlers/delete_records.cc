#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/topic_configs.h"

namespace server::kafka {

namespace {

using DeleteRecordsAsked = DeleteRecordsRequest::Topic::Partition;
using DeleteRecordsAnswer = DeleteRecordsResponse::Topic::Partition;
using DeleteRecordsPending = PendingResponse<DeleteRecordsResponse>;

constexpr int64_t kHighWatermark = -1, kUnknown = -1;

struct DeleteRecordsPlace {
  size_t topic, partition;  // where the answer has this partition
};

DeleteRecordsAnswer& answer_at(DeleteRecordsPending& pending, const DeleteRecordsPlace& place) {
  return pending.response.topics[place.topic].partitions[place.partition];
}

// Returns the new first offset of the partition.
Result<Offset> new_start(const storage::PartitionStatus& status, int64_t asked) {
  if (asked == kHighWatermark) return status.high_watermark();
  if (asked < 0 || Offset(asked) > status.high_watermark())
    return Error{ErrorCode::OffsetOutOfRange, "the partition ends before this offset"};
  return Offset(asked);
}

void delete_before(HandlerContext& context, const storage::TopicInfo& topic,
                   const DeleteRecordsAsked& asked, int32_t timeout_ms,
                   const std::shared_ptr<DeleteRecordsPending>& pending,
                   const DeleteRecordsPlace& place) {
  DeleteRecordsAnswer& answer = answer_at(*pending, place);
  const storage::TopicPartition partition{topic.id, PartitionId(asked.partition_index)};
  answer.error_code = Leaders(context.backend).of(partition).error;
  if (answer.error_code != KafkaError::None) return;
  const auto status = context.backend.find_partition(partition);
  if (!status) {
    answer.error_code = KafkaError::UnknownTopicOrPartition;
    return;
  }
  // As in Kafka, records of a topic that is only compacted cannot be deleted by this request: such
  // a topic keeps each record until its key has a newer record.
  if (!storage::has_cleanup_policy(topic, "delete")) {
    answer.error_code = kPolicyViolation;
    return;
  }
  const Result<Offset> start = new_start(*status, asked.offset);
  ++pending->left;
  if (!start) {
    // Another node may have become the leader without this node's knowledge, and may have more
    // records. So the error is sent only after the other replicas have confirmed that this node is
    // the leader.
    context.backend.confirm_leads({partition}, [pending, place, why = start.error().code](
                                                   const Backend::ConfirmedLeaders& confirmed) {
      answer_at(*pending, place).error_code =
          confirmed.empty() ? KafkaError::NotLeaderOrFollower : kafka_error(why);
      pending->complete_one();
    });
    return;
  }
  context.backend.delete_records(partition, *start, timeout_ms,
                                 [pending, place, status](Status deleted) {
                                   DeleteRecordsAnswer& done = answer_at(*pending, place);
                                   if (deleted)
                                     done.low_watermark = status->log_start().value();
                                   else
                                     done.error_code = kafka_error(deleted.error().code);
                                   pending->complete_one();
                                 });
}

}  // namespace

void handle_delete_records(HandlerContext& context, DeleteRecordsRequest request,
                           Reply<DeleteRecordsResponse> reply) {
  auto pending = std::make_shared<DeleteRecordsPending>(DeleteRecordsPending{{}, reply});
  const auto topics = context.backend.topics();
  std::set<storage::TopicPartition> seen;
  pending->response.topics.resize(request.topics.size());
  for (size_t i = 0; i < request.topics.size(); ++i) {
    const DeleteRecordsRequest::Topic& asked = request.topics[i];
    const storage::TopicInfo* topic = topics->find(asked.name);
    DeleteRecordsResponse::Topic& answers = pending->response.topics[i];
    answers.name = asked.name;
    answers.partitions.resize(asked.partitions.size());
    for (size_t j = 0; j < asked.partitions.size(); ++j) {
      DeleteRecordsAnswer& answer = answers.partitions[j];
      answer.partition_index = asked.partitions[j].partition_index;
      answer.low_watermark = kUnknown;
      if (!topic)
        answer.error_code = KafkaError::UnknownTopicOrPartition;
      else if (coordinator::is_coordinator_topic(asked.name))
        answer.error_code = kPolicyViolation;
      else if (!seen.insert({topic->id, PartitionId(answer.partition_index)}).second)
        answer.error_code = KafkaError::InvalidRequest;
      else
        delete_before(context, *topic, asked.partitions[j], request.timeout_ms, pending, {i, j});
    }
  }
  pending->complete_one();
}

}  // namespace server::kafka
