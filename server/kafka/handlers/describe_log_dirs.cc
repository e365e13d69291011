#include <map>
#include <set>

#include "server/kafka/cluster_view.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/turn.h"

namespace server::kafka {

namespace {

using Answers = DescribeLogDirsResponse::Result::Topic;

void describe(const Backend& backend, storage::LogReader& reader, const storage::TopicInfo& topic,
              const std::set<int32_t>* wanted, DescribeLogDirsResponse::Result& directory) {
  Answers answers{.name = topic.name};
  const auto view = backend.cluster();
  for (int32_t index = 0; index < topic.partition_count; ++index) {
    if (wanted && !wanted->contains(index)) continue;
    // In a cluster the partition may have no replica on this node; it is then left out.
    if (view) {
      const auto* known = view->metadata->find({topic.id, PartitionId(index)});
      if (known == nullptr || !known->has_replica(view->self)) continue;
    }
    // A partition that is being created has no size yet, and is left out.
    const auto size = reader.size_bytes({topic.id, PartitionId(index)});
    if (size)
      answers.partitions.push_back(
          {.partition_index = index, .partition_size = static_cast<int64_t>(*size)});
  }
  if (!answers.partitions.empty()) directory.topics.push_back(std::move(answers));
}

}  // namespace

// Describes the directory of the log. All partitions are in one file, and the size of a partition is the size of
// its table in the file.
void handle_describe_log_dirs(HandlerContext& context, DescribeLogDirsRequest request,
                              Reply<DescribeLogDirsResponse> reply) {
  const LogDirectory where = context.backend.log_directory();
  DescribeLogDirsResponse response;
  DescribeLogDirsResponse::Result& directory = response.results.emplace_back();
  directory.log_dir = where.path;
  directory.total_bytes = where.total_bytes;
  directory.usable_bytes = where.usable_bytes;
  storage::LogReader& reader = context.backend.reader();
  const Turn turn(reader);
  const auto topics = context.backend.topics();
  if (!turn.begun()) {
    directory.error_code = kafka_error(turn.begun().error().code);
  } else if (!request.topics) {
    for (const auto& [name, topic] : topics->by_name())
      describe(context.backend, reader, topic, nullptr, directory);
  } else {
    // A request may name a topic many times, but each partition is described only once: a
    // repetition costs a client little, but each description costs the server much.
    std::map<const storage::TopicInfo*, std::set<int32_t>> wanted;
    for (const DescribeLogDirsRequest::Topic& asked : *request.topics)
      if (const storage::TopicInfo* topic = topics->find(asked.topic))
        wanted[topic].insert(asked.partitions.begin(), asked.partitions.end());
    for (const auto& [topic, indexes] : wanted)
      describe(context.backend, reader, *topic, &indexes, directory);
  }
  reply.send(response);
}

}  // namespace server::kafka
