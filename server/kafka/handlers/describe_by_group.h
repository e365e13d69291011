// Code that is shared by ConsumerGroupDescribe and ShareGroupDescribe, which describe each group of
// a list.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"

namespace server::kafka {

// Sends a `Describe` request for each group to the group's coordinator. `fill` writes the
// coordinator's answer into the group's place in the response.
template <class Describe, class Request, class Response, class Fill>
void describe_groups(HandlerContext& context, Request request, const Reply<Response>& reply,
                     Fill fill) {
  // Each group is described only once. Repeating a group's name costs a client little, but each
  // description costs the server much.
  std::ranges::sort(request.group_ids);
  request.group_ids.erase(std::ranges::unique(request.group_ids).begin(), request.group_ids.end());
  using Pending = PendingResponse<Response>;
  auto pending = std::make_shared<Pending>(Pending{{}, reply});
  pending->response.groups.resize(request.group_ids.size());
  for (size_t i = 0; i < request.group_ids.size(); ++i) {
    pending->response.groups[i].group_id = request.group_ids[i];
    if (request.include_authorized_operations)
      pending->response.groups[i].authorized_operations = authorized_operations(
          context.permissions.get(), ResourceType::Group, request.group_ids[i]);
    ++pending->left;
    context.backend.groups().ask(
        Describe{std::move(request.group_ids[i])},
        [pending, i, fill, topics = context.backend.topics()](const auto& group) {
          fill(pending->response.groups[i], group, *topics);
          pending->complete_one();
        });
  }
  pending->complete_one();
}

}  // namespace server::kafka
