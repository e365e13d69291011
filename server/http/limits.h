// Limits on sizes and times, which keep a client from blocking others.
#pragma once
#include <cstddef>
#include <cstdint>

namespace server::http {

struct Limits {
  size_t max_path_bytes = 8 * 1024;   // limit for path and query together
  size_t max_head_bytes = 32 * 1024;  // limit for all header fields together
  size_t max_headers = 100;
  size_t max_body_bytes = 16 << 20;  // limit for a body that the handler takes as a whole
  // Limit for the bytes of one answer that the client has not read. Beyond the limit the exchange
  // waits before it produces more.
  size_t max_unsent_bytes = 64 * 1024;
  // Limit for the unread bytes of all answers of an HTTP/2 connection. Beyond this limit only short
  // answers are produced. So a client that leaves one long answer unread still gets its other
  // answers.
  size_t max_unsent_bytes_of_streams = 256 * 1024;
  // Limit for the bytes of further requests that have arrived while an earlier request is being
  // answered.
  size_t max_waiting_bytes = 64 * 1024;
  uint32_t max_streams = 100;  // concurrent requests on an HTTP/2 connection
  // time limit for the first request, from the connection's beginning
  int64_t head_timeout_ms = 10'000;
  // limit for the time of a whole body, or between two pieces of a body
  int64_t body_timeout_ms = 60'000;
  int64_t idle_timeout_ms = 300'000;  // limit for the time of a connection without a request
  int64_t refusal_timeout_ms = 2'000;
};

}  // namespace server::http
