#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

constexpr std::string_view kNoAccessRules =
    "there are no access rules yet: everybody may do everything";

}  // namespace

// As Kafka answers where no authorizer is configured.

void handle_describe_acls(HandlerContext&, DescribeAclsRequest, Reply<DescribeAclsResponse> reply) {
  DescribeAclsResponse response;
  response.error_code = kSecurityDisabled;
  response.error_message = kNoAccessRules;
  reply.send(response);
}

void handle_create_acls(HandlerContext&, CreateAclsRequest request,
                        Reply<CreateAclsResponse> reply) {
  CreateAclsResponse response;
  for (size_t i = 0; i < request.creations.size(); ++i)
    response.results.push_back({kSecurityDisabled, std::string(kNoAccessRules)});
  reply.send(response);
}

void handle_delete_acls(HandlerContext&, DeleteAclsRequest request,
                        Reply<DeleteAclsResponse> reply) {
  DeleteAclsResponse response;
  for (size_t i = 0; i < request.filters.size(); ++i)
    response.filter_results.push_back({kSecurityDisabled, std::string(kNoAccessRules), {}});
  reply.send(response);
}

}  // namespace server::kafka
