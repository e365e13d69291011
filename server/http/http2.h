// HTTP/2 on one connection, without the socket: nghttp2 between bytes and exchanges.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/connection_parts.h"

struct nghttp2_session;

namespace server::http {

// Many requests are answered at the same time, in the order in which their answers are produced.
//
// Threads: one loop. Owner: Session.
class Http2 final : public ClientSession {
 public:
  explicit Http2(const ConnectionParts& parts);
  ~Http2() override;

  void receive(std::string_view bytes) override;
  void run() override;
  std::string take_output() override;
  bool wants_input() const override { return !is_output_full_ && !is_over_; }
  bool is_inside_message() const override { return false; }
  size_t unsent_bytes() const override { return unsent_bytes_; }
  void set_output_full(bool is_full) override;
  const std::string& refused_memory() const override { return refused_memory_; }
  std::optional<int64_t> deadline_us() const override;
  bool is_over() const override { return is_over_ && output_.empty(); }
  std::string end_reason() const override { return end_reason_; }
  void shut_down(Error reason) override;
  void refuse(Error reason) override;

 private:
  struct Callbacks;
  class Stream;
  friend class Stream;

  // Returns whether a stream may produce more of its answer. `unsent_bytes` is the number of bytes
  // of this answer that wait to be sent.
  bool may_make_more(size_t unsent_bytes) const;
  void wake_held_up();
  void step_streams(int64_t now_us);
  void step_some_streams(int64_t now_us);
  void dispatch(Stream& stream);
  void step(Stream& stream, int64_t now_us);
  void send();
  void take_frames();
  int64_t idle_until_us() const;  // call it only while no stream is open
  void reset_answered();
  void end(std::string reason);

  const ConnectionParts parts_;
  nghttp2_session* session_ = nullptr;
  size_t open_queries_ = 0;
  size_t unsent_bytes_ = 0;           // unsent bytes of the answers of all streams
  mutable size_t held_up_count_ = 0;  // number of streams that wait for the client to read
  mutable bool waits_for_memory_ = false;
  size_t busy_streams_ = 0;            // counted by step_streams(); see kMaxBusyStreams
  bool has_waiting_requests_ = false;  // set if requests wait because of kMaxBusyStreams
  int32_t last_stepped_ = 0;           // stream after which the next step_streams() begins
  // Changes only while nghttp2 reads or sends, never while exchanges run.
  std::map<int32_t, std::unique_ptr<Stream>> streams_;
  std::string output_, end_reason_;
  // always empty: if memory is refused, only the stream that needs it fails, not the connection
  const std::string refused_memory_;
  std::optional<Error> refusal_;
  int64_t idle_since_us_;
  bool has_requests_ = false;  // a request has begun
  bool is_output_full_ = false, is_held_up_ = false, is_stopping_ = false, is_over_ = false;
};

}  // namespace server::http
