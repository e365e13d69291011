// HTTP requests, many at a time, on a thread of their own: the one reader of libcurl.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace server {

// How a request has ended.
struct HttpEnd {
  int status = 0;     // of HTTP; 0 where there was no answer
  std::string error;  // why not
};

// Threads: any; callbacks run on its own thread and must not wait.
// Owner:   whoever asks. Destruction ends all requests as stop() does.
class HttpThread {
 public:
  // A POST of JSON, unless it says otherwise.
  struct Request {
    std::string url, body;
    int64_t timeout_ms = 0;  // of the whole; 0: it may go on for ever, as watches do
    std::string method = "POST";
    std::string content_type = "application/json";
    std::string accept = {};
    std::string user_and_password = {};  // "name:password", sent at once; empty: none
    size_t max_answer_bytes = SIZE_MAX;  // a longer one is an error
    int64_t connect_timeout_ms = 1'000;
    std::function<void(std::string_view)> on_bytes;  // of the answer, as they come
    std::function<void(const HttpEnd&)> on_end;      // once, at last
  };

  HttpThread();
  ~HttpThread();
  HttpThread(const HttpThread&) = delete;
  HttpThread& operator=(const HttpThread&) = delete;

  // Ends all requests without a word; those that begin later stay so. Not on its own thread.
  void stop();

  // Answers a number for cancel().
  uint64_t start(Request request);
  // A callback that is under way may still end; no other follows.
  void cancel(uint64_t number);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace server
