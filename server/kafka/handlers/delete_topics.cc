#include <map>
#include <utility>
#include <vector>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using DeleteTopicsAsked = DeleteTopicsRequest::Topic;
using DeleteTopicsAnswer = DeleteTopicsResponse::Topic;

void refuse(DeleteTopicsAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

// Finds the topic, which the request identifies by name or by id. Returns null, with an error in
// the answer, if the request gives neither or both, or if the topic does not exist.
const storage::TopicInfo* find(const DeleteTopicsAsked& asked, const storage::TopicSnapshot& topics,
                               DeleteTopicsAnswer& answer) {
  const bool has_id = asked.topic_id != Uuid{};
  answer.name = asked.name;
  answer.topic_id = asked.topic_id;
  if (asked.name && has_id) {
    refuse(answer, KafkaError::InvalidRequest,
           "a topic must be given either by name or by id, not both");
    return nullptr;
  }
  if (!asked.name && !has_id) {
    refuse(answer, KafkaError::InvalidRequest, "a topic must be given by name or by id");
    return nullptr;
  }
  const storage::TopicInfo* topic =
      asked.name ? topics.find(*asked.name) : topics.find(asked.topic_id);
  if (!topic) {
    refuse(answer, asked.name ? KafkaError::UnknownTopicOrPartition : kUnknownTopicId,
           "the topic does not exist");
    return nullptr;
  }
  answer.name = topic->name;
  answer.topic_id = topic->id;
  return topic;
}

}  // namespace

void handle_delete_topics(HandlerContext& context, DeleteTopicsRequest request,
                          Reply<DeleteTopicsResponse> reply) {
  for (std::string& name : request.topic_names)
    request.topics.emplace_back().name = std::move(name);
  auto pending = std::make_shared<PendingResponse<DeleteTopicsResponse>>(
      PendingResponse<DeleteTopicsResponse>{{}, reply});
  std::vector<DeleteTopicsAnswer>& answers = pending->response.responses;
  const auto topics = context.backend.topics();
  // A request that names a topic twice, once perhaps by its id, is probably a mistake, so the topic
  // is not deleted.
  std::map<std::string_view, int> times_named;
  std::vector<std::pair<size_t, const storage::TopicInfo*>> found;
  for (const DeleteTopicsAsked& asked : request.topics) {
    DeleteTopicsAnswer& answer = answers.emplace_back();
    const storage::TopicInfo* topic = find(asked, *topics, answer);
    if (!topic) continue;
    if (context.node.is_internal(topic->name)) {
      refuse(answer, KafkaError::InvalidTopic,
             "topic \"" + topic->name + "\" is internal and cannot be deleted");
    } else if (++times_named[topic->name] == 1) {
      found.emplace_back(answers.size() - 1, topic);
    } else {
      answers.pop_back();
    }
  }
  for (const auto& [i, topic] : found) {
    if (times_named[topic->name] > 1) {
      refuse(answers[i], KafkaError::InvalidRequest, "the request names the topic twice");
      continue;
    }
    auto done = [pending, i = i](const Status& deleted) {
      if (!deleted)
        refuse(pending->response.responses[i], kafka_error(deleted.error().code),
               deleted.error().message);
      pending->complete_step();
    };
    pending->add_step([&backend = context.backend, name = topic->name, done = std::move(done)] {
      backend.delete_topic(name, done);
    });
  }
  pending->complete_one();
}

}  // namespace server::kafka
