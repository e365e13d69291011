// Sends requests to the REST API of a Kafka Connect cluster. Each request has one answer.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "server/http_client/http_endpoints.h"

namespace server {

// Parses URLs such as "http://name:password@connect:8083", separated by commas. Fails with
// InvalidParameter.
Result<std::vector<HttpEndpoint>> parse_connect_urls(std::string_view urls);

// The answer to a request. The body is null for an answer without a body.
struct ConnectReply {
  int status = 0;
  engine::JsonTree body;
  bool is_success() const { return status >= 200 && status < 300; }
  // Returns Kafka Connect's message of an error.
  std::string message() const { return body.text_of("message"); }
};

// Sends each request to one worker of the cluster; that worker forwards it to the leader if
// necessary.
//
// Threads: any; the callbacks run on the HTTP thread. Owner: OutsideConnectors.
class ConnectClient {
 public:
  // Called with the answer. The error is NetworkFailure, and names the worker, if no worker answers
  // in time, if the answer does not have Kafka Connect's form, or if the worker refuses the
  // credentials.
  using Done = std::function<void(Result<ConnectReply>)>;

  explicit ConnectClient(std::vector<HttpEndpoint> endpoints);

  // `path` is percent-encoded.
  void ask(std::string method, std::string path, std::string body, Done done);
  // Ends all requests. No callback is called afterwards.
  void stop() { endpoints_.stop(); }
  // Returns the URLs of all workers, separated by commas and without credentials.
  const std::string& url() const { return endpoints_.url(); }

 private:
  HttpEndpoints endpoints_;
};

}  // namespace server
