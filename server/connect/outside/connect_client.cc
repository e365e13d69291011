#include "server/connect/outside/connect_client.h"

#include <fmt/format.h>

#include <utility>

namespace server {

namespace {

constexpr size_t kMaxQuotedBytes = 200;  // longest part of an answer that an error quotes
// A worker answers within its own timeout for requests, which is 90 s.
constexpr int64_t kTimeoutMs = 95'000;

Result<ConnectReply> read(const HttpAnswer& answer) {
  if (answer.status == 0)
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("the Kafka Connect cluster at {} does not answer: {}", answer.url,
                             printable(answer.error, kMaxQuotedBytes)),
                 {},
                 "--connect-url has the addresses of its workers."};
  if (answer.status == 401 || answer.status == 403)
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("the Kafka Connect cluster at {} refuses the credentials (status {})",
                             answer.url, answer.status),
                 {},
                 "Set a name and a password in the file of --connect-credentials-file, or in the "
                 "URL."};
  if (answer.body.empty()) return ConnectReply{answer.status, {}};
  auto tree = engine::parse_json_tree(answer.body);
  const bool is_error = answer.status < 200 || answer.status >= 300;
  if (!tree || (is_error && !tree->find("message")))
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("{} answers {} with \"{}\", which no Kafka Connect worker sends",
                             answer.url, answer.status, printable(answer.body, kMaxQuotedBytes)),
                 {},
                 "--connect-url has the addresses of the workers' REST API."};
  return ConnectReply{answer.status, *std::move(tree)};
}

}  // namespace

Result<std::vector<HttpEndpoint>> parse_connect_urls(std::string_view urls) {
  return parse_http_endpoints(urls, "a Kafka Connect cluster");
}

ConnectClient::ConnectClient(std::vector<HttpEndpoint> endpoints)
    : endpoints_(std::move(endpoints), {.timeout_ms = kTimeoutMs}) {}

void ConnectClient::ask(std::string method, std::string path, std::string body, Done done) {
  endpoints_.ask({.method = std::move(method), .path = std::move(path), .body = std::move(body)},
                 [done = std::move(done)](const HttpAnswer& answer) { done(read(answer)); });
}

}  // namespace server
