#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

void handle_delete_topics(HandlerContext& context, DeleteTopicsRequest request,
                          Reply<DeleteTopicsResponse> reply) {
  for (std::string& name : request.topic_names)
    request.topics.emplace_back().name = std::move(name);
  auto pending = std::make_shared<PendingResponse<DeleteTopicsResponse>>(
      PendingResponse<DeleteTopicsResponse>{{}, reply});
  pending->response.responses.resize(request.topics.size());
  const auto topics = context.backend.topics();
  for (size_t i = 0; i < request.topics.size(); ++i) {
    const DeleteTopicsRequest::Topic& asked = request.topics[i];
    DeleteTopicsResponse::Topic& answer = pending->response.responses[i];
    const storage::TopicInfo* topic =
        asked.name ? topics->find(*asked.name) : topics->find(asked.topic_id);
    answer.name = topic ? topic->name : asked.name;
    answer.topic_id = topic ? topic->id : asked.topic_id;
    if (!topic) {
      answer.error_code = asked.name ? KafkaError::UnknownTopicOrPartition : kUnknownTopicId;
      continue;
    }
    if (context.node.is_internal(topic->name)) {
      answer.error_code = KafkaError::InvalidTopic;
      answer.error_message = "topic \"" + topic->name + "\" is internal and cannot be deleted";
      continue;
    }
    ++pending->left;
    context.backend.delete_topic(topic->name, [pending, i](Status deleted) {
      if (!deleted) {
        pending->response.responses[i].error_code = kafka_error(deleted.error().code);
        pending->response.responses[i].error_message = deleted.error().message;
      }
      pending->complete_one();
    });
  }
  pending->complete_one();
}

}  // namespace server::kafka
