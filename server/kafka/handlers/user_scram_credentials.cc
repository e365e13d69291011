#include <fmt/format.h>

#include <set>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

// There are no users yet: asked for all of them, the list is empty.
void handle_describe_user_scram_credentials(HandlerContext&,
                                            DescribeUserScramCredentialsRequest request,
                                            Reply<DescribeUserScramCredentialsResponse> reply) {
  DescribeUserScramCredentialsResponse response;
  if (request.users)
    for (DescribeUserScramCredentialsRequest::User& user : *request.users) {
      std::string message = fmt::format("there is no user \"{}\"", user.name);
      response.results.push_back({std::move(user.name), kResourceNotFound, std::move(message), {}});
    }
  reply.send(response);
}

void handle_alter_user_scram_credentials(HandlerContext&, AlterUserScramCredentialsRequest request,
                                         Reply<AlterUserScramCredentialsResponse> reply) {
  std::set<std::string> users;
  for (auto& deletion : request.deletions) users.insert(std::move(deletion.name));
  for (auto& upsertion : request.upsertions) users.insert(std::move(upsertion.name));
  AlterUserScramCredentialsResponse response;
  for (const std::string& user : users)
    response.results.push_back({user, kSecurityDisabled, "users are not supported yet"});
  reply.send(response);
}

}  // namespace server::kafka
