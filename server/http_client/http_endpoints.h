// The addresses of one outside service, and requests to one of them at a time.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http_client/http_thread.h"

namespace server {

struct HttpEndpoint {
  std::string url;                // "http://registry:8081", without a slash at the end
  std::string user_and_password;  // "name:password"; empty: none
};
// Parses URLs such as "http://name:password@registry:8081", separated by commas. `service` names the service in errors:
// "a schema registry". Fails with InvalidParameter.
Result<std::vector<HttpEndpoint>> parse_http_endpoints(std::string_view urls,
                                                       std::string_view service);

// Encodes the text as a part of a path.
std::string percent_encoded(std::string_view text);

// Returns the beginning of a text from another machine as an error quotes it: bytes that are not printable ASCII become
// blanks.
std::string printable(std::string_view text, size_t max_bytes);

// The answer of an endpoint.
struct HttpAnswer {
  std::string url;  // URL of the last endpoint that was asked
  int status = 0;   // 0: no endpoint answers
  std::string body;
  std::string error;  // the reason why no endpoint answers
};

// If the endpoint in use cannot be reached, the next one is used from then on.
//
// Threads: any; answers arrive on the HTTP thread. Owner: the client of the service.
class HttpEndpoints {
 public:
  struct Limits {
    int64_t connect_timeout_ms = 3'000, timeout_ms = 10'000;
    size_t max_answer_bytes = size_t{16} << 20;
  };
  struct Request {
    std::string method;
    std::string path;  // the path, percent-encoded
    std::string body;
    std::string content_type = "application/json", accept = "application/json";
  };
  using Done = std::function<void(const HttpAnswer&)>;

  HttpEndpoints(std::vector<HttpEndpoint> endpoints, Limits limits);

  void ask(Request request, Done done);
  // Ends all requests. No callback is called afterwards.
  void stop() { http_.stop(); }
  // Returns the URLs of all endpoints, separated by commas and without credentials.
  const std::string& url() const { return url_; }

 private:
  struct Call;
  void send(const std::shared_ptr<Call>& call);

  const std::vector<HttpEndpoint> endpoints_;
  const Limits limits_;
  std::string url_;
  std::atomic<size_t> preferred_ = 0;
  HttpThread http_;  // last: its thread uses all other members
};

}  // namespace server
