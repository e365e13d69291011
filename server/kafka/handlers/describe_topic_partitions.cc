#include <algorithm>
#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using DescribedTopic = DescribeTopicPartitionsResponse::Topic;

constexpr int32_t kMostPartitions = 2000;  // Kafka's max.request.partition.size.limit

// Collects topics in the order of their names, up to a limit of partitions. At the limit, the
// answer gets a cursor to the next partition (KIP-966).
class Page {
 public:
  Page(HandlerContext& context, const DescribeTopicPartitionsRequest& request)
      : context_(context),
        leaders_(context.backend),
        left_(std::clamp(request.response_partition_limit, 1, kMostPartitions)) {}

  bool is_full() const { return response_.next_cursor.has_value(); }
  DescribeTopicPartitionsResponse take() { return std::move(response_); }

  void add(const std::string& name, const storage::TopicInfo* topic, int32_t first_partition) {
    if (left_ == 0) return end_at(name, first_partition);
    DescribedTopic& described = response_.topics.emplace_back();
    described.name = name;
    if (!topic) {
      described.error_code = storage::check_topic_name(name, *context_.backend.topics())
                                 ? KafkaError::UnknownTopicOrPartition
                                 : KafkaError::InvalidTopic;
      return;
    }
    described.topic_id = topic->id;
    described.is_internal = topic->name == context_.node.internal_topic;
    described.topic_authorized_operations =
        authorized_operations(context_.permissions.get(), ResourceType::Topic, name);
    for (int32_t index = first_partition; index < topic->partition_count; ++index, --left_) {
      if (left_ == 0) return end_at(name, index);
      DescribedTopic::Partition& partition = described.partitions.emplace_back();
      partition.partition_index = index;
      const storage::TopicPartition id{topic->id, PartitionId(index)};
      leaders_.describe(id, context_.node.node_id, leader_epoch(context_.backend, id), partition);
      partition.eligible_leader_replicas.emplace();
      partition.last_known_elr.emplace();
    }
  }

 private:
  void end_at(const std::string& name, int32_t partition) {
    response_.next_cursor = {.topic_name = name, .partition_index = partition};
  }

  HandlerContext& context_;
  const Leaders leaders_;
  int32_t left_;
  DescribeTopicPartitionsResponse response_;
};

}  // namespace

void handle_describe_topic_partitions(HandlerContext& context,
                                      DescribeTopicPartitionsRequest request,
                                      Reply<DescribeTopicPartitionsResponse> reply) {
  const auto topics = context.backend.topics();
  std::set<std::string> names;
  for (DescribeTopicPartitionsRequest::Topic& topic : request.topics)
    names.insert(std::move(topic.name));
  if (request.topics.empty())
    for (const auto& [name, topic] : topics->by_name()) names.insert(name);
  Page page(context, request);
  if (request.cursor && request.cursor->partition_index < 0) {
    DescribeTopicPartitionsResponse refused;
    for (const std::string& name : names)
      refused.topics.push_back({.error_code = KafkaError::InvalidRequest, .name = name});
    return reply.send(refused);
  }
  auto name = request.cursor ? names.lower_bound(request.cursor->topic_name) : names.begin();
  for (; name != names.end() && !page.is_full(); ++name) {
    const bool goes_on = request.cursor && request.cursor->topic_name == *name;
    page.add(*name, topics->find(*name), goes_on ? request.cursor->partition_index : 0);
  }
  reply.send(page.take());
}

}  // namespace server::kafka
