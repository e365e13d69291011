// Sends requests to an external schema registry (Confluent's REST API). Each request has one
// answer.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "server/http_client/http_endpoints.h"

namespace server {

// Parses URLs such as "http://name:password@registry:8081", separated by commas. Fails with
// InvalidParameter.
Result<std::vector<HttpEndpoint>> parse_registry_urls(std::string_view urls);

// The answer of a registry. The body is the value for status 200, and the error for a status 4xx.
struct RegistryReply {
  int status = 0;
  engine::JsonTree body;
  int error_code() const;  // Confluent's code, such as 40401; 0: none
  std::string message() const;
};

// Threads: any; answers arrive on the HTTP thread. Owner: RegistryOverHttp.
class RegistryClient {
 public:
  using Limits = HttpEndpoints::Limits;
  // Gets the answer. Fails with NetworkFailure if no endpoint answers in time, or if an answer is
  // not a registry's. The error names the endpoint.
  using Done = std::function<void(Result<RegistryReply>)>;

  RegistryClient(std::vector<HttpEndpoint> endpoints, Limits limits)
      : endpoints_(std::move(endpoints), limits) {}

  // `path` is percent-encoded.
  void ask(std::string method, std::string path, std::string body, Done done);
  // Ends all requests. No callback is called afterwards.
  void stop() { endpoints_.stop(); }
  // Returns the URLs of all endpoints, for messages.
  const std::string& url() const { return endpoints_.url(); }

 private:
  HttpEndpoints endpoints_;
};

}  // namespace server
