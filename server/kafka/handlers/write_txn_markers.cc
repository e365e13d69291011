#include <set>
#include <tuple>

#include "records/control_batch.h"
#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

using MarkerAsked = WriteTxnMarkersRequest::Marker;
using PendingMarkers = PendingResponse<WriteTxnMarkersResponse>;

struct Place {
  size_t marker, topic, partition;  // where the answer has this partition
};

void tell(const std::shared_ptr<PendingMarkers>& pending, const Place& place, KafkaError error) {
  pending->response.markers[place.marker]
      .topics[place.topic]
      .partitions[place.partition]
      .error_code = error;
}

coordinator::TransactionEnded ended_by(const MarkerAsked& asked) {
  return {
      {ProducerId{asked.producer_id}, asked.producer_epoch},
      {asked.transaction_result ? records::TransactionEnd::Commit : records::TransactionEnd::Abort,
       asked.coordinator_epoch}};
}

void write(HandlerContext& context, const coordinator::TransactionEnded& ended,
           const storage::TopicInfo* topic, int32_t partition,
           const std::shared_ptr<PendingMarkers>& pending, const Place& place) {
  if (!topic || partition < 0 || partition >= topic->partition_count)
    return tell(pending, place, KafkaError::UnknownTopicOrPartition);
  // Other internal topics have no transactions, and their readers cannot decode a marker.
  if (coordinator::is_coordinator_topic(topic->name) && topic->name != coordinator::kOffsetsTopic)
    return tell(pending, place, KafkaError::InvalidTopic);
  ++pending->left;
  if (topic->name == coordinator::kOffsetsTopic)
    return context.backend.groups().ask_at(PartitionId(partition), coordinator::EndOffsets{ended},
                                           [pending, place](const auto& answer) {
                                             tell(pending, place, answer.error);
                                             pending->complete_one();
                                           });
  storage::AppendRequest request;
  request.parts.push_back({{topic->id, PartitionId(partition)},
                           records::marker_batch(ended.producer.id, ended.producer.epoch,
                                                 ended.marker, context.clock.wall_ms())});
  context.backend.append(std::move(request),
                         [pending, place](const Result<storage::Appended>& appended) {
                           if (!appended) tell(pending, place, kafka_error(appended.error().code));
                           pending->complete_one();
                         });
}

}  // namespace

// Writes the markers that coordinators send to the partitions of a transaction, and those of
// administrators for a transaction that was left open (`kafka-transactions abort`). As in Kafka,
// every permitted user's marker ends the transaction.
void handle_write_txn_markers(HandlerContext& context, WriteTxnMarkersRequest request,
                              Reply<WriteTxnMarkersResponse> reply) {
  auto pending = std::make_shared<PendingMarkers>(PendingMarkers{{}, reply});
  const auto topics = context.backend.topics();
  std::set<std::tuple<int64_t, std::string_view, int32_t>> seen;
  auto& answers = pending->response.markers;
  answers.resize(request.markers.size());
  for (size_t i = 0; i < request.markers.size(); ++i) {
    const MarkerAsked& asked = request.markers[i];
    answers[i].producer_id = asked.producer_id;
    answers[i].topics.resize(asked.topics.size());
    for (size_t j = 0; j < asked.topics.size(); ++j) {
      const MarkerAsked::Topic& topic = asked.topics[j];
      answers[i].topics[j].name = topic.name;
      for (const int32_t partition : topic.partition_indexes)
        answers[i].topics[j].partitions.push_back({partition, KafkaError::None});
    }
    for (size_t j = 0; j < asked.topics.size(); ++j) {
      const MarkerAsked::Topic& topic = asked.topics[j];
      for (size_t k = 0; k < topic.partition_indexes.size(); ++k) {
        const int32_t partition = topic.partition_indexes[k];
        if (seen.emplace(asked.producer_id, topic.name, partition).second)
          write(context, ended_by(asked), topics->find(topic.name), partition, pending, {i, j, k});
        else
          tell(pending, {i, j, k}, KafkaError::InvalidRequest);
      }
    }
  }
  pending->complete_one();
}

}  // namespace server::kafka
