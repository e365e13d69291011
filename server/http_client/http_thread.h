// Sends HTTP requests, many at a time, on a separate thread. The only user of libcurl.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace server {

// The outcome of a request.
struct HttpEnd {
  int status = 0;             // HTTP status; 0 without an answer
  std::string error;          // the reason why no answer arrived
  int64_t retry_after_s = 0;  // the header Retry-After in seconds; 0 without one
};

// Threads: any; callbacks run on the HTTP thread and must not wait.
// Owner:   the component that sends the requests. Destruction ends all requests, like stop().
class HttpThread {
 public:
  // A request. By default it is a POST of JSON.
  struct Request {
    std::string url, body;
    int64_t timeout_ms = 0;  // time limit of the whole request; 0: none, as for watches
    std::string method = "POST";
    std::string content_type = "application/json";  // empty: among `headers`
    std::string accept = {};
    std::string user_and_password = {};  // "name:password", sent without a challenge; empty: none
    std::vector<std::pair<std::string, std::string>> headers = {};  // further headers
    // false: the request fails if the host has an address that is not public (addresses.h). The address is checked when
    // the connection is made, so a name server cannot answer differently meanwhile.
    bool allows_private_addresses = true;
    size_t max_answer_bytes = SIZE_MAX;  // a longer answer is an error
    int64_t connect_timeout_ms = 1'000;
    std::function<void(std::string_view)> on_bytes;  // called with parts of the answer
    std::function<void(const HttpEnd&)> on_end;      // called once, at the end
  };

  HttpThread();
  ~HttpThread();
  HttpThread(const HttpThread&) = delete;
  HttpThread& operator=(const HttpThread&) = delete;

  // Ends all requests without calling on_end. Requests that are started later never run. Must not
  // be called on the HTTP thread.
  void stop();

  // Starts a request, and returns its number for cancel().
  uint64_t start(Request request);
  // Ends a request without calling on_end. A running callback may still finish; no other callback
  // follows.
  void cancel(uint64_t number);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace server
