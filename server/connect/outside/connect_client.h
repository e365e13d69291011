// Sends requests to the REST API of a Kafka Connect cluster. Each request has one answer.
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

struct ConnectEndpoint {
  std::string url;                // "http://connect:8083", without a slash at the end
  std::string user_and_password;  // "name:password"; empty: none
};
// Parses URLs such as "http://name:password@connect:8083", separated by commas. Fails with
// InvalidParameter.
Result<std::vector<ConnectEndpoint>> parse_connect_urls(std::string_view urls);

// The answer to a request. The body is null for an answer without a body.
struct ConnectReply {
  int status = 0;
  engine::JsonTree body;
  bool is_success() const { return status >= 200 && status < 300; }
  // Returns Kafka Connect's message of an error.
  std::string message() const { return body.text_of("message"); }
};

// Sends requests to one worker at a time. If the worker cannot be reached, the next one is used from
// then on: each worker of a cluster forwards requests to the leader.
//
// Threads: any; answers arrive on the HTTP thread. Owner: OutsideConnectors.
class ConnectClient {
 public:
  struct Limits {
    int64_t connect_timeout_ms = 3'000;
    int64_t timeout_ms = 95'000;  // a worker answers within 90 s (its request timeout)
    size_t max_answer_bytes = size_t{16} << 20;
  };
  // Gets the answer. Fails with NetworkFailure if no worker answers in time, if an answer is not one
  // of Kafka Connect, or if the worker refuses the credentials. The error names the worker.
  using Done = std::function<void(Result<ConnectReply>)>;

  ConnectClient(std::vector<ConnectEndpoint> endpoints, Limits limits);
  ~ConnectClient();

  // `path` is percent-encoded. An empty body is not sent.
  void ask(std::string method, std::string path, std::string body, Done done);
  // Ends all requests. No callback is called afterwards.
  void stop();
  // Returns the URLs of all workers, separated by commas and without credentials.
  const std::string& url() const { return url_; }

 private:
  struct Call;
  void send(const std::shared_ptr<Call>& call);
  Result<ConnectReply> read(const std::string& url, int status, std::string_view body) const;

  const std::vector<ConnectEndpoint> endpoints_;
  const Limits limits_;
  std::string url_;
  std::atomic<size_t> preferred_ = 0;
  std::unique_ptr<HttpThread> http_;
};

// Encodes the text as a part of a path.
std::string encoded_path_part(std::string_view text);

}  // namespace server
