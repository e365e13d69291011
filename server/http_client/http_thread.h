// HTTP requests, many at a time, on a thread of their own: the only user of libcurl.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace server {

// The end of a request.
struct HttpEnd {
  int status = 0;     // HTTP status; 0 without an answer
  std::string error;  // the reason why no answer arrived
};

// Threads: any; callbacks run on its own thread and must not wait.
// Owner:   the component that sends the requests. Destruction ends all requests, like stop().
class HttpThread {
 public:
  // By default a POST of JSON.
  struct Request {
    std::string url, body;
    int64_t timeout_ms = 0;  // of the whole; 0: unlimited, as for watches
    std::string method = "POST";
    std::string content_type = "application/json";
    std::string accept = {};
    std::string user_and_password = {};  // "name:password", sent without a challenge; empty: none
    size_t max_answer_bytes = SIZE_MAX;  // a longer answer is an error
    int64_t connect_timeout_ms = 1'000;
    std::function<void(std::string_view)> on_bytes;  // called with parts of the answer
    std::function<void(const HttpEnd&)> on_end;      // called once, at the end
  };

  HttpThread();
  ~HttpThread();
  HttpThread(const HttpThread&) = delete;
  HttpThread& operator=(const HttpThread&) = delete;

  // Ends all requests without calling on_end; requests that are started later never run. Not for
  // its own thread.
  void stop();

  // Returns a number for cancel().
  uint64_t start(Request request);
  // A running callback may still finish; no other call follows.
  void cancel(uint64_t number);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace server
