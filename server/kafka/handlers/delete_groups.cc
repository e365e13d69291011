#include <utility>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

void handle_delete_groups(HandlerContext& context, DeleteGroupsRequest request,
                          Reply<DeleteGroupsResponse> reply) {
  using Pending = PendingResponse<DeleteGroupsResponse>;
  auto pending = std::make_shared<Pending>(Pending{{}, reply});
  pending->response.results.resize(request.groups_names.size());
  for (size_t i = 0; i < request.groups_names.size(); ++i) {
    pending->response.results[i].group_id = request.groups_names[i];
    ++pending->left;
    context.backend.groups().ask(coordinator::DeleteGroup{std::move(request.groups_names[i])},
                                 [pending, i](coordinator::GroupDeletion deletion) {
                                   pending->response.results[i].error_code = deletion.error;
                                   pending->complete_one();
                                 });
  }
  pending->complete_one();
}

}  // namespace server::kafka
