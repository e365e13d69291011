// HTTP/1.1 and 1.0 on one connection, without the socket.
#pragma once
#include <http_parser.h>

#include <memory>
#include <optional>
#include <string>

#include "server/http/connection_parts.h"
#include "server/http/exchange.h"
#include "server/http/request_body.h"
#include "server/net/input_buffer.h"

namespace server::http {

// Invariant: requests are answered one after the other, in the order of their arrival; a request is
//            read only when the answer to the previous request is complete.
// Threads: one loop. Owner: Session.
class Http1 final : public ClientSession, private Responder {
 public:
  explicit Http1(const ConnectionParts& parts);
  ~Http1() override;

  void receive(std::string_view bytes) override { input_.append(bytes); }
  void run() override;
  std::string take_output() override { return std::exchange(output_, {}); }
  bool wants_input() const override;
  bool is_inside_message() const override { return stage_ == Stage::Head || stage_ == Stage::Body; }
  void set_output_full(bool is_full) override;
  const std::string& refused_memory() const override { return refused_memory_; }
  std::optional<int64_t> deadline_us() const override;
  bool is_over() const override { return stage_ == Stage::Over; }
  std::string end_reason() const override { return end_reason_; }
  void shut_down(Error reason) override;
  void refuse(Error reason) override;

 private:
  enum class Stage : uint8_t {
    Idle,    // between two requests
    Head,    // a part of the head has arrived
    Body,    // a part of the body has arrived
    Answer,  // the request is complete, its answer is not
    Over
  };
  enum class Answered : uint8_t { No, Begun, Yes };
  struct Callbacks;

  // --- Responder
  void answer(Response response) override;
  void begin(ResponseHead head) override;
  void write(std::string_view bytes) override;
  void add_trailer(Header trailer) override { trailers_.push_back(std::move(trailer)); }
  void end() override;
  void fail() override;
  bool is_full() const override;
  void wake() override;

  // Parses further input. Returns false if other work must be done first.
  bool parse();
  // Counts bytes of the head. Returns false if the head is too long; the request has then been
  // refused.
  bool count_head(size_t bytes);
  // checks the headers once all have arrived; returns false if the request was refused
  bool check_head();
  bool begin_body();
  bool take_body(std::string_view bytes);
  void complete_request();
  void dispatch();
  void step_exchange();
  void finish_exchange();
  // Answers a request that is invalid or too large, and then ends the connection.
  void refuse_request(int code, std::string_view message);
  void write_head(const ResponseHead& head, std::optional<size_t> body_bytes);
  void check_deadline();
  void enter(Stage stage);

  const ConnectionParts parts_;
  InputBuffer input_;
  http_parser parser_;
  Stage stage_ = Stage::Idle;
  int64_t deadline_us_ = 0;  // time at which the present stage must be over
  std::string output_, refused_memory_, end_reason_;
  bool is_output_full_ = false, is_woken_ = false;
  // The connection waits until the client has read more of its answers.
  mutable bool is_held_up_ = false;
  bool closes_ = false;           // whether to close after the answer to the present request
  std::optional<Error> refusal_;  // set: the connection answers its first request with this error

  // The request that is arriving or being answered.
  struct Incoming {
    Request request;
    std::string target;
    Routes::Match match;
    RequestGate::Admission admission;
    size_t head_bytes = 0;
    bool is_name_open = false;  // the last bytes may be the beginning of a header's name
    bool has_head = false, is_complete = false;
    bool is_http10 = false, is_head_request = false;
    bool in_pieces() const { return match.route && match.route->body == BodyUse::InPieces; }
  };
  Incoming incoming_;
  RequestBody body_;
  size_t open_queries_ = 0;
  std::unique_ptr<Exchange> exchange_;
  Answered answered_ = Answered::No;
  bool is_chunked_ = false;
  std::vector<Header> trailers_;
};

}  // namespace server::http
