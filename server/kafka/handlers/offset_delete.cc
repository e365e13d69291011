#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

OffsetDeleteResponse to_response(coordinator::DeletedOffsets deleted) {
  OffsetDeleteResponse response;
  response.error_code = deleted.error;
  for (auto& [name, partitions] : deleted.topics) {
    OffsetDeleteResponse::Topic& topic = response.topics.emplace_back();
    topic.name = std::move(name);
    for (const auto& each : partitions) topic.partitions.push_back({each.partition, each.error});
  }
  return response;
}

}  // namespace

void handle_offset_delete(HandlerContext& context, OffsetDeleteRequest request,
                          Reply<OffsetDeleteResponse> reply) {
  coordinator::DeleteOffsets remove;
  remove.group_id = std::move(request.group_id);
  for (OffsetDeleteRequest::Topic& topic : request.topics) {
    auto& [name, partitions] = remove.topics.emplace_back();
    name = std::move(topic.name);
    for (const auto& each : topic.partitions) partitions.push_back(each.partition_index);
  }
  context.backend.groups().ask(std::move(remove), [reply](coordinator::DeletedOffsets deleted) {
    reply.send(to_response(std::move(deleted)));
  });
}

}  // namespace server::kafka
