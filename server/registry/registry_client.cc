#include "server/registry/registry_client.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <utility>

namespace server {

namespace {

// Limit for the bytes of a registry's message that an error quotes.
constexpr size_t kMaxMessage = 1'000;
// Limit for the bytes that an error quotes of an answer that is not a registry's.
constexpr size_t kMaxQuoted = 100;

int32_t number_of(const engine::JsonTree& tree, std::string_view name) {
  const engine::JsonTree* node = tree.find(name);
  int32_t number = 0;
  return node && absl::SimpleAtoi(node->text, &number) ? number : 0;
}

Result<RegistryReply> read(const HttpAnswer& answer) {
  const int status = answer.status;
  if (status == 0)
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("cannot send a request to the schema registry at {}: {}", answer.url,
                             printable(answer.error, kMaxMessage))};
  const auto strange = [&](std::string_view what) {
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("the schema registry at {} answered {} {}", answer.url, status, what)};
  };
  if (status == 401 || status == 403) {
    Error refused = strange("to the credentials");
    refused.hint =
        "Set a name and a password in the URL, or in the file of "
        "--schema-registry-credentials-file.";
    return refused;
  }
  auto tree = engine::parse_json_tree(answer.body);
  if (!tree)
    return strange(
        fmt::format("with text that is not JSON: \"{}\"", printable(answer.body, kMaxQuoted)));
  RegistryReply reply{status, *std::move(tree)};
  if (status >= 200 && status < 300) return reply;
  if (status >= 400 && status < 500 && reply.error_code() != 0) return reply;
  const std::string message = reply.message();
  return strange(message.empty() ? "with a reply that no schema registry sends"
                                 : fmt::format("with \"{}\"", message));
}

}  // namespace

Result<std::vector<HttpEndpoint>> parse_registry_urls(std::string_view urls) {
  return parse_http_endpoints(urls, "a schema registry");
}

int RegistryReply::error_code() const { return number_of(body, "error_code"); }
std::string RegistryReply::message() const {
  return printable(body.text_of("message"), kMaxMessage);
}

void RegistryClient::ask(std::string method, std::string path, std::string body, Done done) {
  endpoints_.ask({.method = std::move(method),
                  .path = std::move(path),
                  .body = std::move(body),
                  .content_type = "application/vnd.schemaregistry.v1+json",
                  .accept = "application/vnd.schemaregistry.v1+json, application/json"},
                 [done = std::move(done)](const HttpAnswer& answer) { done(read(answer)); });
}

}  // namespace server
