#include "server/http/http1.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/types/ascii.h"

namespace server::http {

namespace {

// Whether a header's name is valid. Debian's build of the parser allows blanks in names and control
// characters in values. This server and a proxy could then read "Content-Length : 3" differently
// (request smuggling).
bool is_name(std::string_view name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    return engine::is_ascii_letter(c) || engine::is_ascii_digit(c) ||
           kOthers.find(c) != std::string_view::npos;
  });
}
bool is_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

// Time limit for pipelined requests of one connection before the loop serves other connections.
constexpr int64_t kMaxRunUs = 1'000;

}  // namespace

// The parser's callbacks. A result other than 0 stops the parser. Before a callback returns such a
// result, it has refused the request, so that the client gets an answer.
struct Http1::Callbacks {
  static Http1& self(http_parser* parser) { return *static_cast<Http1*>(parser->data); }
  static int ok(bool goes_on) { return goes_on ? 0 : -1; }

  static int on_begin(http_parser* parser) {
    self(parser).enter(Stage::Head);
    return 0;
  }
  static int on_url(http_parser* parser, const char* at, size_t size) {
    Http1& http = self(parser);
    http.incoming_.target.append(at, size);
    const size_t most = http.parts_.limits.max_path_bytes;
    if (http.incoming_.target.size() <= most) return 0;
    http.refuse_request(error_code::kLongPath,
                        fmt::format("a path can have at most {} bytes", most));
    return -1;
  }
  static int on_name(http_parser* parser, const char* at, size_t size) {
    Http1& http = self(parser);
    if (!http.count_head(size)) return -1;
    Incoming& incoming = http.incoming_;
    if (incoming.has_head) return 0;  // trailers after a body in chunks are ignored
    if (!std::exchange(incoming.is_name_open, true)) incoming.request.headers.emplace_back();
    std::string& name = incoming.request.headers.back().name;
    for (size_t i = 0; i < size; ++i) name += engine::ascii_lower(at[i]);
    return 0;
  }
  static int on_value(http_parser* parser, const char* at, size_t size) {
    Http1& http = self(parser);
    if (!http.count_head(size)) return -1;
    if (http.incoming_.has_head) return 0;
    http.incoming_.is_name_open = false;
    http.incoming_.request.headers.back().value.append(at, size);
    return 0;
  }
  static int on_head(http_parser* parser) {
    Http1& http = self(parser);
    const bool goes_on = http.check_head() && http.begin_body();
    parser->upgrade = 0;  // upgrades to another protocol are not supported
    return ok(goes_on);
  }
  static int on_body(http_parser* parser, const char* at, size_t size) {
    return ok(self(parser).take_body({at, size}));
  }
  static int on_complete(http_parser* parser) {
    self(parser).incoming_.is_complete = true;
    http_parser_pause(parser, 1);  // the next request waits until this one is answered
    return 0;
  }
  static const http_parser_settings& all() {
    static const http_parser_settings settings = [] {
      http_parser_settings made;
      http_parser_settings_init(&made);
      made.on_message_begin = on_begin;
      made.on_url = on_url;
      made.on_header_field = on_name;
      made.on_header_value = on_value;
      made.on_headers_complete = on_head;
      made.on_body = on_body;
      made.on_message_complete = on_complete;
      return made;
    }();
    return settings;
  }
};

Http1::Http1(const ConnectionParts& parts)
    : parts_(parts), input_(parts.memory), body_(parts.memory) {
  http_parser_init(&parser_, HTTP_REQUEST);
  parser_.data = this;
  enter(Stage::Idle);
}

Http1::~Http1() = default;

void Http1::enter(Stage stage) {
  stage_ = stage;
  const Limits& limits = parts_.limits;
  const int64_t timeout_ms = refusal_               ? limits.refusal_timeout_ms
                             : stage == Stage::Head ? limits.head_timeout_ms
                             : stage == Stage::Body ? limits.body_timeout_ms
                                                    : limits.idle_timeout_ms;
  deadline_us_ = parts_.clock.monotonic_us() + timeout_ms * 1000;
}

// --- Input

void Http1::run() {
  const int64_t begun_us = parts_.clock.monotonic_us();
  refused_memory_.clear();
  step_exchange();
  while (parse())
    if (parts_.clock.monotonic_us() - begun_us > kMaxRunUs) {
      parts_.host.wake();
      break;
    }
  input_.tidy();
  check_deadline();
}

bool Http1::parse() {
  if (stage_ == Stage::Answer || stage_ == Stage::Over) return false;
  if (exchange_ && !exchange_->wants_body()) return false;
  const std::string_view unread = input_.unread();
  if (unread.empty()) return false;
  if (stage_ == Stage::Idle && is_full()) return false;
  if (stage_ == Stage::Body && !incoming_.in_pieces() && !body_.make_room(unread.size())) {
    refused_memory_ = fmt::format("a request of {}", format_bytes(body_.size() + unread.size()));
    return false;
  }
  const size_t read =
      http_parser_execute(&parser_, &Callbacks::all(), unread.data(), unread.size());
  input_.consume(stage_ == Stage::Over ? unread.size() : read);
  if (stage_ == Stage::Over) return false;
  if (incoming_.is_complete) {
    http_parser_pause(&parser_, 0);
    complete_request();
    return true;
  }
  if (const http_errno error = HTTP_PARSER_ERRNO(&parser_); error != HPE_OK) {
    if (error == HPE_HEADER_OVERFLOW)
      refuse_request(error_code::kLargeHead, "the head of the request is too long");
    else
      refuse_request(error_code::kBadRequest,
                     fmt::format("this is not an HTTP request: {}", http_errno_description(error)));
    return false;
  }
  step_exchange();
  return !input_.unread().empty();
}

bool Http1::count_head(size_t bytes) {
  const Limits& limits = parts_.limits;
  incoming_.head_bytes += bytes;
  if (incoming_.head_bytes > limits.max_head_bytes)
    refuse_request(error_code::kLargeHead, fmt::format("the headers of a request can have at most "
                                                       "{} bytes",
                                                       limits.max_head_bytes));
  else if (incoming_.request.headers.size() > limits.max_headers)
    refuse_request(error_code::kLargeHead,
                   fmt::format("a request can have at most {} headers", limits.max_headers));
  return stage_ != Stage::Over;
}

bool Http1::check_head() {
  Request& request = incoming_.request;
  request.method = http_method_str(static_cast<http_method>(parser_.method));
  incoming_.has_head = true;
  incoming_.is_http10 = parser_.http_major == 1 && parser_.http_minor == 0;
  incoming_.is_head_request = parser_.method == HTTP_HEAD;
  closes_ = closes_ || http_should_keep_alive(&parser_) == 0;
  const auto refuse = [&](int code, std::string_view message) {
    refuse_request(code, message);
    return false;
  };
  if (parser_.http_major != 1)
    return refuse(error_code::kBadRequest, fmt::format("HTTP {}.{} is not supported",
                                                       parser_.http_major, parser_.http_minor));
  for (const Header& header : request.headers)
    if (!is_name(header.name) || !is_value(header.value))
      return refuse(error_code::kBadRequest, "a header has invalid characters");
  if (!incoming_.is_http10 &&
      std::ranges::count(request.headers, std::string("host"), &Header::name) != 1)
    return refuse(error_code::kBadRequest, "an HTTP/1.1 request must have exactly one Host header");
  // Only the transfer coding `chunked` is accepted. With another coding, this server and a proxy could disagree
  // about the end of a body, and one of them would treat the rest of the body as a new request.
  for (const Header& header : request.headers)
    if (header.name == "transfer-encoding" &&
        (incoming_.is_http10 || !engine::equals_ignoring_case(header.value, "chunked")))
      return refuse(error_code::kNotSupported, "chunked is the only supported transfer encoding");
  if (std::ranges::count(request.headers, std::string("transfer-encoding"), &Header::name) > 1)
    return refuse(error_code::kBadRequest,
                  "the request has more than one Transfer-Encoding header");
  std::optional<Target> target = parse_target(incoming_.target);
  if (!target) return refuse(error_code::kBadRequest, "the target of the request is not a path");
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  incoming_.match = parts_.routes.find(request.method, target->encoded_path);
  request.path_parameters = incoming_.match.parameters;
  if (parts_.gate)
    incoming_.admission =
        parts_.gate->admit(request, incoming_.match, parts_.routes, parts_.channel, parts_.clock);
  request.is_of_own_page = incoming_.admission.is_of_own_page;
  request.may_use_cookie = incoming_.admission.may_use_cookie;
  if (incoming_.admission.answer)
    // from now on the body is skipped, so no handler gets a part of it
    incoming_.match.route = nullptr;
  return true;
}

bool Http1::begin_body() {
  const bool has_length = (parser_.flags & F_CONTENTLENGTH) != 0;
  if (has_length && !incoming_.in_pieces() &&
      parser_.content_length > parts_.limits.max_body_bytes) {
    refuse_request(error_code::kTooLarge, fmt::format("the body of a request can have at most {}",
                                                      format_bytes(parts_.limits.max_body_bytes)));
    return false;
  }
  enter(Stage::Body);
  const bool has_body =
      (parser_.flags & F_CHUNKED) != 0 || (has_length && parser_.content_length > 0);
  if (has_body && engine::equals_ignoring_case(incoming_.request.header("expect"), "100-continue"))
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  if (incoming_.in_pieces()) dispatch();
  return stage_ != Stage::Over;
}

bool Http1::take_body(std::string_view bytes) {
  if (incoming_.in_pieces()) {
    enter(Stage::Body);  // restarts the timeout, which applies to each piece of the body
    if (exchange_ && answered_ != Answered::Yes) exchange_->on_body(bytes);
    return true;
  }
  if (body_.size() + bytes.size() <= parts_.limits.max_body_bytes) {
    body_.append(bytes);
    return true;
  }
  refuse_request(error_code::kTooLarge, fmt::format("the body of a request can have at most {}",
                                                    format_bytes(parts_.limits.max_body_bytes)));
  return false;
}

void Http1::complete_request() {
  stage_ = Stage::Answer;
  if (!incoming_.in_pieces()) return dispatch();
  if (exchange_ && answered_ != Answered::Yes) exchange_->on_body_end();
  step_exchange();
}

// --- Output

void Http1::dispatch() {
  answered_ = Answered::No;
  if (refusal_) {
    closes_ = true;
    answer(error_response(error_code::kNotReady, refusal_->message));
  } else if (incoming_.admission.answer) {
    answer(std::move(*incoming_.admission.answer));
  } else if (!incoming_.match.route) {
    const Request& request = incoming_.request;
    answer(parts_.routes.refusal(incoming_.match, request.method, request.path));
  } else {
    incoming_.request.body = body_.take();
    exchange_ = incoming_.match.route->handler(
        std::move(incoming_.request), {parts_.loop, parts_.shard, parts_.clock, parts_.memory,
                                       *this, parts_.channel, &open_queries_});
    is_woken_ = true;
    if (!exchange_ && answered_ != Answered::Yes)
      answer(error_response(error_code::kServerError, "the request has no handler"));
  }
  // This function is a callback of the parser and must not end the request. parse() ends the request afterwards.
  if (stage_ == Stage::Answer) {
    if (exchange_) return step_exchange();
    finish_exchange();
  }
}

void Http1::step_exchange() {
  if (exchange_ && answered_ != Answered::Yes) {
    const auto deadline_us = exchange_->deadline_us();
    if (std::exchange(is_woken_, false) ||
        (deadline_us && *deadline_us <= parts_.clock.monotonic_us()))
      exchange_->run();
  }
  const bool is_there = stage_ == Stage::Answer || (stage_ == Stage::Body && incoming_.in_pieces());
  if (is_there && answered_ == Answered::Yes) finish_exchange();
}

void Http1::finish_exchange() {
  exchange_.reset();
  body_.clear();
  trailers_.clear();
  answered_ = Answered::No;
  // If a part of the request's body was not read, the connection closes, because these bytes would
  // be parsed as the next request.
  const bool goes_on = !closes_ && incoming_.is_complete;
  incoming_ = {};
  enter(goes_on ? Stage::Idle : Stage::Over);
}

void Http1::refuse_request(int code, std::string_view message) {
  exchange_.reset();
  closes_ = true;
  end_reason_ = message;
  if (answered_ == Answered::No) answer(error_response(code, message));
  body_.clear();
  enter(Stage::Over);
}

void Http1::write_head(const ResponseHead& head, std::optional<size_t> body_bytes) {
  auto out = std::back_inserter(output_);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\ndate: {}\r\n", head.status, reason_phrase(head.status),
                 http_date(parts_.clock.wall_ms()));
  if (!head.content_type.empty()) fmt::format_to(out, "content-type: {}\r\n", head.content_type);
  for (const Header& header : head.headers)
    fmt::format_to(out, "{}: {}\r\n", header.name, header.value);
  for (const Header& header : incoming_.admission.headers)
    fmt::format_to(out, "{}: {}\r\n", header.name, header.value);
  is_chunked_ = !body_bytes && !incoming_.is_http10;
  if (body_bytes) fmt::format_to(out, "content-length: {}\r\n", *body_bytes);
  if (is_chunked_) output_ += "transfer-encoding: chunked\r\n";
  // In HTTP/1.0, the end of a body of unknown length can only be marked by closing the connection.
  if (!body_bytes && incoming_.is_http10) closes_ = true;
  if (closes_)
    output_ += "connection: close\r\n";
  else if (incoming_.is_http10)
    output_ += "connection: keep-alive\r\n";
  output_ += "\r\n";
}

void Http1::answer(Response response) {
  if (answered_ != Answered::No) return;
  if (!incoming_.is_complete) closes_ = true;
  write_head(response.head, response.body.size());
  if (!incoming_.is_head_request) output_ += response.body;
  answered_ = Answered::Yes;
}

void Http1::begin(ResponseHead head) {
  if (answered_ != Answered::No) return;
  write_head(head, std::nullopt);
  answered_ = Answered::Begun;
}

void Http1::write(std::string_view bytes) {
  if (answered_ != Answered::Begun || incoming_.is_head_request || bytes.empty()) return;
  if (is_chunked_) fmt::format_to(std::back_inserter(output_), "{:x}\r\n", bytes.size());
  output_ += bytes;
  if (is_chunked_) output_ += "\r\n";
}

void Http1::end() {
  if (answered_ != Answered::Begun) return;
  if (is_chunked_ && !incoming_.is_head_request) {
    output_ += "0\r\n";
    for (const Header& trailer : trailers_)
      fmt::format_to(std::back_inserter(output_), "{}: {}\r\n", trailer.name, trailer.value);
    output_ += "\r\n";
  }
  answered_ = Answered::Yes;
}

void Http1::fail() {
  closes_ = true;
  answered_ = Answered::Yes;
}

bool Http1::is_full() const {
  const bool full = is_output_full_ || output_.size() >= parts_.limits.max_unsent_bytes;
  if (full) is_held_up_ = true;
  return full;
}

void Http1::wake() {
  is_woken_ = true;
  parts_.host.wake();
}

// --- The connection

void Http1::set_output_full(bool is_full) {
  is_output_full_ = is_full;
  if (!is_full && std::exchange(is_held_up_, false)) wake();
}

bool Http1::wants_input() const {
  return stage_ != Stage::Over && input_.unread().size() < parts_.limits.max_waiting_bytes;
}

std::optional<int64_t> Http1::deadline_us() const {
  std::optional<int64_t> first;
  if (stage_ != Stage::Answer && stage_ != Stage::Over) first = deadline_us_;
  if (const auto of_exchange = exchange_ ? exchange_->deadline_us() : std::nullopt)
    first = first ? std::min(*first, *of_exchange) : *of_exchange;
  return first;
}

void Http1::check_deadline() {
  if (stage_ == Stage::Answer || stage_ == Stage::Over) return;
  const int64_t now_us = parts_.clock.monotonic_us();
  if (now_us < deadline_us_) return;
  if (stage_ == Stage::Idle) return enter(Stage::Over);
  // The time limit for the client starts again in two situations in which the client cannot or need not send
  // anything: the exchange takes no input, or the answer has begun.
  if (exchange_ && (!exchange_->wants_body() || answered_ == Answered::Begun))
    return enter(Stage::Body);
  refuse_request(error_code::kTimeout, "the rest of the request did not arrive in time");
}

void Http1::shut_down(Error reason) {
  closes_ = true;
  if (exchange_)
    exchange_->shut_down(reason);
  else if (stage_ != Stage::Answer)
    enter(Stage::Over);
  wake();
}

void Http1::refuse(Error reason) {
  refusal_ = std::move(reason);
  enter(stage_);
}

}  // namespace server::http
