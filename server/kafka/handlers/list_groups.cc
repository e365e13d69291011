#include <strings.h>

#include <algorithm>

#include "server/kafka/handlers/handlers.h"

namespace server::kafka {

namespace {

// Returns whether the filter contains the value. An empty filter matches all values. As in Kafka,
// case is ignored.
bool fits(const std::vector<std::string>& filter, const std::string& value) {
  return filter.empty() || std::ranges::any_of(filter, [&](const std::string& each) {
           return ::strcasecmp(each.c_str(), value.c_str()) == 0;
         });
}

}  // namespace

void handle_list_groups(HandlerContext& context, ListGroupsRequest request,
                        Reply<ListGroupsResponse> reply) {
  context.backend.groups().list([request, reply](coordinator::ListedGroups listed) {
    ListGroupsResponse response;
    response.error_code = listed.error;
    for (coordinator::GroupListing& group : listed.groups)
      if (fits(request.states_filter, group.state) && fits(request.types_filter, group.type))
        response.groups.push_back({std::move(group.group_id), std::move(group.protocol_type),
                                   std::move(group.state), std::move(group.type)});
    reply.send(response);
  });
}

}  // namespace server::kafka
