// How much and how long: what keeps one client from being in the way of the others.
#pragma once
#include <cstddef>
#include <cstdint>

namespace server::http {

struct Limits {
  size_t max_path_bytes = 8 * 1024;   // with the query
  size_t max_head_bytes = 32 * 1024;  // all header fields
  size_t max_headers = 100;
  size_t max_body_bytes = 16 << 20;  // of what is not taken in pieces
  // Of an answer that its client has not taken: beyond that no more of it is made.
  size_t max_unsent_bytes = 64 * 1024;
  // A bound of all answers on a connection of HTTP/2 together. Beyond it only short ones are made, so that a client that leaves one
  // of them unread still gets the others.
  size_t max_unsent_bytes_of_streams = 256 * 1024;
  // Of requests that wait for the answer to an earlier one.
  size_t max_waiting_bytes = 64 * 1024;
  uint32_t max_streams = 100;         // requests at a time on a connection of HTTP/2
  int64_t head_timeout_ms = 10'000;   // of the first request from the connection's beginning
  int64_t body_timeout_ms = 60'000;   // all of it, or in pieces: from one to the next
  int64_t idle_timeout_ms = 300'000;  // of a connection without a request
  int64_t refusal_timeout_ms = 2'000;
};

}  // namespace server::http
