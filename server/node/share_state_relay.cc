#include "server/node/share_state_relay.h"

#include "server/coordinator/internal_topics.h"
#include "server/kafka/codec.h"
#include "server/kafka/messages/read_share_group_state_request.h"
#include "server/kafka/messages/read_share_group_state_response.h"
#include "server/kafka/messages/write_share_group_state_request.h"
#include "server/kafka/messages/write_share_group_state_response.h"

namespace server {

using coordinator::ReadShareState, coordinator::ShareStateRead;
using coordinator::ShareStateWritten, coordinator::WriteShareState;
using kafka::ReadShareGroupStateRequest, kafka::ReadShareGroupStateResponse;
using kafka::WriteShareGroupStateRequest, kafka::WriteShareGroupStateResponse;

namespace {

constexpr int16_t kVersion = 0;

// Adds a partition to the message. Consecutive partitions of a topic share an element, so that the order of the answer
// is the order of the request.
template <class Topics>
auto& partition_of(Topics& topics, const Uuid& topic) {
  if (topics.empty() || topics.back().topic_id != topic) topics.emplace_back().topic_id = topic;
  return topics.back().partitions.emplace_back();
}

ReadShareGroupStateRequest message_of(const ReadShareState& request) {
  ReadShareGroupStateRequest message;
  message.group_id = request.group_id;
  for (const ReadShareState::Partition& from : request.partitions) {
    auto& part = partition_of(message.topics, from.id.topic_id);
    part.partition = from.id.partition;
    part.leader_epoch = from.leader_epoch;
  }
  return message;
}

WriteShareGroupStateRequest message_of(const WriteShareState& request) {
  WriteShareGroupStateRequest message;
  message.sequence = request.sequence;
  message.group_id = request.group_id;
  for (const WriteShareState::Partition& from : request.partitions) {
    auto& part = partition_of(message.topics, from.id.topic_id);
    part.partition = from.id.partition;
    part.state_epoch = from.state_epoch;
    part.leader_epoch = from.leader_epoch;
    part.start_offset = from.start;
    for (const coordinator::ShareStateBatch& batch : from.batches)
      part.state_batches.push_back({batch.first, batch.last, batch.state, batch.delivery_count});
  }
  return message;
}

ShareStateRead answer_of(const ReadShareGroupStateResponse& response) {
  ShareStateRead answer;
  for (const auto& topic : response.results)
    for (const auto& from : topic.partitions) {
      ShareStateRead::Partition& part = answer.partitions.emplace_back();
      part.id = {topic.topic_id, from.partition};
      part.error = from.error_code;
      part.state_epoch = from.state_epoch;
      part.start = from.start_offset;
      for (const auto& batch : from.state_batches)
        part.batches.push_back(
            {batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count});
    }
  return answer;
}

ShareStateWritten answer_of(const WriteShareGroupStateResponse& response) {
  ShareStateWritten answer;
  for (const auto& topic : response.results)
    for (const auto& from : topic.partitions)
      answer.partitions.push_back({{topic.topic_id, from.partition}, from.error_code});
  return answer;
}

// The protocol has errors of partitions only. If all partitions have the same error, it becomes the error of the
// whole answer.
template <class Answer>
Answer with_common_error(Answer answer) {
  if (answer.partitions.empty()) return answer;
  const KafkaError first = answer.partitions.front().error;
  for (const auto& part : answer.partitions)
    if (part.error != first) return answer;
  if (first == coordinator::kNotCoordinator || first == coordinator::kCoordinatorLoadInProgress ||
      first == KafkaError::CoordinatorNotAvailable || first == coordinator::kGroupIdNotFound)
    answer.error = first;
  return answer;
}

}  // namespace

std::pair<int32_t, int32_t> ShareStateRelay::find(PartitionId partition) const {
  const auto topics = backend_.topics();
  const storage::TopicInfo* offsets = topics->find(coordinator::kOffsetsTopic);
  if (offsets == nullptr) return {-1, -1};
  const auto view = cluster_.view();
  const auto* known = view->metadata->find({offsets->id, partition});
  if (known == nullptr || !known->leader) return {-1, -1};
  return {known->leader->value(), known->leader_epoch.value()};
}

template <class Response, class Request>
void ShareStateRelay::ask(PartitionId partition, Request request,
                          coordinator::Done<typename Request::Answer> done) {
  const int32_t node = find(partition).first;
  if (node < 0)
    return loop_.post(
        [done = std::move(done), refusal = request.refusal(KafkaError::CoordinatorNotAvailable)] {
          done(refusal);
        });
  if (node == cluster_.view()->self.value())
    return loop_.post([this, request = std::move(request), done = std::move(done)]() mutable {
      groups_->ask(std::move(request), std::move(done));
    });
  std::string frame;
  kafka::append_request(frame, {0, kVersion, 1, std::string("share")}, message_of(request));
  cluster_.ask_node(NodeId{node}, std::move(frame),
                    [&loop = loop_, done = std::move(done),
                     refusal = request.refusal(KafkaError::CoordinatorNotAvailable)](
                        Result<std::string> received) {
                      loop.post([done, refusal, received = std::move(received)] {
                        if (!received) return done(refusal);
                        const auto response = kafka::decode_response<Response>(*received, kVersion);
                        done(response ? with_common_error(answer_of(*response)) : refusal);
                      });
                    });
}

void ShareStateRelay::read(PartitionId partition, ReadShareState request,
                           coordinator::Done<ShareStateRead> done) {
  ask<ReadShareGroupStateResponse>(partition, std::move(request), std::move(done));
}

void ShareStateRelay::write(PartitionId partition, WriteShareState request,
                            coordinator::Done<ShareStateWritten> done) {
  ask<WriteShareGroupStateResponse>(partition, std::move(request), std::move(done));
}

}  // namespace server
