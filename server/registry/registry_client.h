// Sends requests to an external schema registry (Confluent's REST API). Each request has one
// answer.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "server/http_client/http_thread.h"

namespace server {

struct RegistryEndpoint {
  std::string url;                // "http://registry:8081", without a slash at the end
  std::string user_and_password;  // "name:password"; empty: none
};
// Parses URLs such as "http://name:password@registry:8081", separated by commas. Fails with
// InvalidParameter.
Result<std::vector<RegistryEndpoint>> parse_registry_urls(std::string_view urls);

// The answer of a registry. The body is the value for status 200, and the error for a status 4xx.
struct RegistryReply {
  int status = 0;
  engine::JsonTree body;
  int error_code() const;  // Confluent's code, such as 40401; 0: none
  std::string message() const;
};

// Sends requests to one endpoint at a time. If the endpoint cannot be reached, the next endpoint is
// used from then on.
//
// Threads: any; answers arrive on the HTTP thread. Owner: RegistryOverHttp.
class RegistryClient {
 public:
  struct Limits {
    int64_t connect_timeout_ms = 3'000, timeout_ms = 10'000;
    size_t max_answer_bytes = size_t{16} << 20;
  };
  // Gets the answer. Fails with NetworkFailure if no endpoint answers in time, or if an answer is
  // not a registry's. The error names the endpoint.
  using Done = std::function<void(Result<RegistryReply>)>;

  RegistryClient(std::vector<RegistryEndpoint> endpoints, Limits limits);
  ~RegistryClient();

  void ask(std::string method, std::string path, std::string body, Done done);
  // Ends all requests. No callback is called afterwards.
  void stop();
  const std::string& url() const { return url_; }

 private:
  struct Call;
  void send(const std::shared_ptr<Call>& call);
  Result<RegistryReply> read(const std::string& url, int status, std::string_view body) const;

  const std::vector<RegistryEndpoint> endpoints_;
  const Limits limits_;
  std::string url_;  // URLs of all endpoints, for messages
  std::atomic<size_t> preferred_ = 0;
  std::unique_ptr<HttpThread> http_;
};

// Encodes the text as a part of a path.
std::string percent_encoded(std::string_view text);

}  // namespace server
