#include "server/http/http2.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/free_memory.h"
#include "server/http/request_body.h"

namespace server::http {

namespace {

// Time for starting and answering requests before the loop serves other connections: a client may
// send 100 requests together.
constexpr int64_t kMaxRequestsUs = 1'000;
// If an answer gets no memory, it requests memory again after this interval. No event reports that
// other clients have read their answers, so that memory is free.
constexpr int64_t kMemoryTickUs = 50'000;
// While the unread answers of all clients take up the memory for answers, a connection may have at
// most this number of short answers that wait to be sent.
constexpr size_t kMostShortAnswers = 8;

// Limit for output that is produced before it is handed to the connection.
constexpr size_t kMaxOutputBytes = 256 * 1024;
// Limit for the number of requests of a connection whose answers are being computed; further
// requests wait. Without this limit, 30 connections with 100 requests each would use up the memory
// and the time of the loops. A push query that has begun does not count, nor does a request whose
// body comes in pieces.
constexpr size_t kMaxBusyStreams = 16;
// Limit for the number of answers of a connection that wait because the client does not read them.
// Each of them keeps a query and a block of rows in memory. Further requests are refused. If they
// waited instead, a client that reads only its newest answer would wait for ever.
constexpr size_t kMaxHeldUpStreams = 32;

nghttp2_nv field(std::string_view name, std::string_view value) {
  // The const_cast is safe, because nghttp2 copies both texts and changes neither.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

// One request and its answer.
class Http2::Stream final : public Responder {
 public:
  Stream(Http2& http, int32_t id)
      : body(http.parts_.memory),
        http_(http),
        id_(id),
        unsent_(http.parts_.memory, MemoryKind::Results) {
    const Limits& limits = http.parts_.limits;
    deadline_us = http.parts_.clock.monotonic_us() + limits.head_timeout_ms * 1000;
  }
  ~Stream() {
    http_.unsent_bytes_ -= unsent();
    hold_up(false);
  }

  void answer(Response response) override {
    if (answered_) return;
    out_ = is_head_request() ? std::string() : std::move(response.body);
    http_.unsent_bytes_ += out_.size();
    is_ended_ = true;
    submit(response.head);
  }
  void begin(ResponseHead head) override {
    if (!answered_) submit(head);
  }
  void write(std::string_view bytes) override {
    if (is_ended_ || is_head_request()) return;
    // Removes the bytes that are already sent. Otherwise they would stay in memory until a slow client has read
    // everything.
    if (sent_ > out_.size() / 2) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
    out_ += bytes;
    http_.unsent_bytes_ += bytes.size();
    unsent_.resize(out_.capacity());
    nghttp2_session_resume_data(http_.session_, id_);
  }
  void add_trailer(Header trailer) override { trailers_.push_back(std::move(trailer)); }
  void end() override {
    is_ended_ = true;
    nghttp2_session_resume_data(http_.session_, id_);
  }
  void fail() override {
    is_ended_ = has_failed_ = true;
    nghttp2_session_resume_data(http_.session_, id_);
  }
  bool is_full() const override {
    const bool full = http_.is_output_full_ || unsent() >= http_.parts_.limits.max_unsent_bytes ||
                      !http_.may_make_more(unsent());
    if (full) hold_up(true);
    return full;
  }
  void has_room_again() {
    if (hold_up(false)) wake();
  }
  void wake() override {
    is_woken = true;
    http_.parts_.host.wake();
  }

  // Copies the next bytes of the answer's body into nghttp2's buffer.
  ssize_t read(uint8_t* to, size_t size, uint32_t* flags) {
    if (has_failed_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const size_t count = std::min(size, out_.size() - sent_);
    if (count == 0 && !is_ended_) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(to, out_.data() + sent_, count);
    sent_ += count;
    http_.unsent_bytes_ -= count;
    if (sent_ == out_.size()) {
      free_memory(out_);
      sent_ = 0;
      unsent_.resize(0);
      if (is_ended_) end_data(flags);
    }
    return static_cast<ssize_t>(count);
  }
  size_t unsent() const { return out_.size() - sent_; }
  bool is_ended() const { return is_ended_; }
  bool is_answered() const { return answered_; }
  bool is_head_request() const { return method == "HEAD"; }
  bool in_pieces() const { return match.route && match.route->body == BodyUse::InPieces; }
  int32_t id() const { return id_; }
  // Whether the stream counts for kMaxBusyStreams.
  bool is_busy() const { return exchange && !in_pieces() && !answered_; }

  // The received part of the request.
  Request request;
  std::string method, target;  // kept here, because the exchange moves `request`
  RequestBody body;
  Routes::Match match;
  RequestGate::Admission admission;
  size_t head_bytes = 0, unconsumed = 0;
  bool has_head = false, is_complete = false, is_dispatched = false, is_body_told = false;
  std::optional<Response> refusal;  // the answer to a request over a limit
  int64_t deadline_us;              // time by which the request must be complete
  bool is_woken = false;

 private:
  // Marks the end of the body. Trailers are a second block of headers, which ends the stream in place of the data.
  void end_data(uint32_t* flags) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (trailers_.empty()) return;
    std::vector<nghttp2_nv> fields;
    for (const Header& trailer : trailers_) fields.push_back(field(trailer.name, trailer.value));
    if (nghttp2_submit_trailer(http_.session_, id_, fields.data(), fields.size()) == 0)
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  // Stores whether the stream waits until its client reads. Returns whether it waited before.
  bool hold_up(bool is_held_up) const {
    if (is_held_up != is_held_up_) http_.held_up_count_ += is_held_up ? 1 : -1;
    return std::exchange(is_held_up_, is_held_up);
  }
  void submit(const ResponseHead& head) {
    answered_ = true;
    const std::string status = std::to_string(head.status);
    const std::string date = http_date(http_.parts_.clock.wall_ms());
    std::string length;
    std::vector<nghttp2_nv> fields{field(":status", status), field("date", date)};
    if (!head.content_type.empty()) fields.push_back(field("content-type", head.content_type));
    if (is_ended_ && !is_head_request()) {
      length = std::to_string(out_.size());
      fields.push_back(field("content-length", length));
    }
    for (const Header& header : head.headers) fields.push_back(field(header.name, header.value));
    for (const Header& header : admission.headers)
      fields.push_back(field(header.name, header.value));
    unsent_.resize(out_.capacity());
    nghttp2_data_provider body_of_it;
    body_of_it.source.ptr = this;
    body_of_it.read_callback = [](nghttp2_session*, int32_t, uint8_t* to, size_t size,
                                  uint32_t* flags, nghttp2_data_source* source, void*) {
      return static_cast<Stream*>(source->ptr)->read(to, size, flags);
    };
    const bool has_body = !is_ended_ || !out_.empty();
    nghttp2_submit_response(http_.session_, id_, fields.data(), fields.size(),
                            has_body ? &body_of_it : nullptr);
  }

  Http2& http_;
  const int32_t id_;
  std::string out_;  // produced bytes of the answer's body
  size_t sent_ = 0;  // number of bytes of out_ that are sent
  std::vector<Header> trailers_;
  MemoryCharge unsent_;
  bool answered_ = false, is_ended_ = false, has_failed_ = false;
  mutable bool is_held_up_ = false;

 public:
  std::unique_ptr<Exchange> exchange;  // destroyed first: it refers to the members above
};

struct Http2::Callbacks {
  static Stream* find(void* user, int32_t id) {
    auto& streams = static_cast<Http2*>(user)->streams_;
    const auto found = streams.find(id);
    return found == streams.end() ? nullptr : found->second.get();
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto* http = static_cast<Http2*>(user);
    http->has_requests_ = true;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      http->streams_.emplace(frame->hd.stream_id,
                             std::make_unique<Stream>(*http, frame->hd.stream_id));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name_bytes,
                       size_t name_size, const uint8_t* value_bytes, size_t value_size, uint8_t,
                       void* user) {
    Stream* stream = find(user, frame->hd.stream_id);
    if (!stream) return 0;
    const Limits& limits = static_cast<Http2*>(user)->parts_.limits;
    stream->head_bytes += name_size + value_size;
    // With HPACK one byte can refer to an earlier field of 4 KB, so a few frames could occupy the loop for seconds. A
    // head that is a little too large gets an answer; a head beyond this limit ends the connection.
    constexpr size_t kHeadsRead = 16;
    if (stream->head_bytes > kHeadsRead * limits.max_head_bytes) {
      static_cast<Http2*>(user)->end("the headers of a request are far too large");
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (stream->has_head || stream->refusal) return 0;
    const std::string_view name(reinterpret_cast<const char*>(name_bytes), name_size);
    const std::string_view value(reinterpret_cast<const char*>(value_bytes), value_size);
    if (name == ":path" && value_size > limits.max_path_bytes)
      stream->refusal =
          error_response(error_code::kLongPath,
                         fmt::format("a path can have at most {} bytes", limits.max_path_bytes));
    else if (stream->head_bytes > limits.max_head_bytes)
      stream->refusal = error_response(
          error_code::kLargeHead,
          fmt::format("the headers of a request can have at most {} bytes", limits.max_head_bytes));
    else if (stream->request.headers.size() >= limits.max_headers)
      stream->refusal =
          error_response(error_code::kLargeHead,
                         fmt::format("a request can have at most {} headers", limits.max_headers));
    else if (name == ":method")
      stream->method = value;
    else if (name == ":path")
      stream->target = value;
    else if (name == ":authority")
      stream->request.headers.push_back({"host", std::string(value)});
    else if (!name.starts_with(':'))
      stream->request.headers.push_back({std::string(name), std::string(value)});
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Stream* stream = find(user, frame->hd.stream_id);
    if (!stream) return 0;
    auto* http = static_cast<Http2*>(user);
    if (!std::exchange(stream->has_head, true)) {
      const int64_t now_us = http->parts_.clock.monotonic_us();
      stream->deadline_us = now_us + http->parts_.limits.body_timeout_ms * 1000;
      Request& request = stream->request;
      request.method = stream->method;
      request.is_http2 = true;
      if (std::optional<Target> target = parse_target(stream->target)) {
        request.path = std::move(target->path);
        request.query = std::move(target->query);
        stream->match = http->parts_.routes.find(request.method, target->encoded_path);
        request.path_parameters = stream->match.parameters;
        const ConnectionParts& parts = http->parts_;
        if (parts.gate)
          stream->admission =
              parts.gate->admit(request, stream->match, parts.routes, parts.channel, parts.clock);
        request.is_of_own_page = stream->admission.is_of_own_page;
        request.may_use_cookie = stream->admission.may_use_cookie;
        if (stream->admission.answer) stream->match.route = nullptr;
      } else if (!stream->refusal) {
        stream->refusal =
            error_response(error_code::kBadRequest, "the target of the request is not a path");
      }
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->is_complete = true;
    return 0;
  }

  static int on_data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                     size_t size, void* user) {
    auto* http = static_cast<Http2*>(user);
    Stream* stream = find(user, id);
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (!stream || stream->refusal || stream->is_ended()) {
      nghttp2_session_consume(session, id, size);
      return 0;
    }
    if (stream->in_pieces()) {
      // The body cannot exceed the flow-control window, which is enlarged when the exchange has taken bytes.
      stream->unconsumed += size;
      stream->body.append(bytes);
      stream->deadline_us =
          http->parts_.clock.monotonic_us() + http->parts_.limits.body_timeout_ms * 1000;
      return 0;
    }
    nghttp2_session_consume(session, id, size);
    const size_t most = http->parts_.limits.max_body_bytes;
    if (stream->body.size() + size > most)
      stream->refusal = error_response(
          error_code::kTooLarge,
          fmt::format("the body of a request can have at most {}", format_bytes(most)));
    else if (!stream->body.make_room(size))
      stream->refusal = error_response(error_code::kNotReady,
                                       fmt::format("not enough memory for a request of {}",
                                                   format_bytes(stream->body.size() + size)));
    else
      stream->body.append(bytes);
    return 0;
  }

  static int on_close(nghttp2_session* session, int32_t id, uint32_t, void* user) {
    auto* http = static_cast<Http2*>(user);
    const auto found = http->streams_.find(id);
    if (found == http->streams_.end()) return 0;
    if (found->second->unconsumed > 0)
      nghttp2_session_consume_connection(session, found->second->unconsumed);
    http->streams_.erase(found);
    http->idle_since_us_ = http->parts_.clock.monotonic_us();
    return 0;
  }
};

Http2::Http2(const ConnectionParts& parts)
    : parts_(parts), idle_since_us_(parts.clock.monotonic_us()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
  nghttp2_session_callbacks_set_error_callback2(
      callbacks, [](nghttp2_session*, int, const char* message, size_t size, void* user) {
        static_cast<Http2*>(user)->end_reason_.assign(message, size);
        return 0;
      });
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  // the code enlarges the flow-control window itself, after the exchange has taken bytes
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_session_server_new2(&session_, callbacks, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, parts.limits.max_streams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(parts.limits.max_head_bytes)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
}

Http2::~Http2() {
  streams_.clear();  // exchanges refer to streams, and streams to the session
  nghttp2_session_del(session_);
}

void Http2::receive(std::string_view bytes) {
  if (is_over_) return;
  const ssize_t read = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (read < 0 && !is_over_) end(nghttp2_strerror(static_cast<int>(read)));
}

void Http2::run() {
  if (is_over_) return;
  const int64_t now_us = parts_.clock.monotonic_us();
  // Other clients may have read their answers since the last call, so memory may be available again.
  if (held_up_count_ > 0) wake_held_up();
  step_streams(now_us);
  send();
  reset_answered();
  if (is_over_) return;
  // The client has sent GOAWAY, or bytes that are not HTTP/2.
  if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0)
    is_over_ = true;
  const bool is_idle = streams_.empty() && now_us >= idle_until_us();
  if (streams_.empty() && (is_stopping_ || is_idle) && !is_held_up_) is_over_ = true;
}

// Continues the streams one after the other, for a limited time. Each call begins after the stream
// where the last call stopped, so that every stream is served.
void Http2::step_streams(int64_t now_us) {
  const auto count_busy = [this] {
    return static_cast<size_t>(
        std::ranges::count_if(streams_, [](const auto& each) { return each.second->is_busy(); }));
  };
  busy_streams_ = count_busy();
  has_waiting_requests_ = false;
  step_some_streams(now_us);
  if (has_waiting_requests_ && count_busy() < kMaxBusyStreams) parts_.host.wake();
}

void Http2::step_some_streams(int64_t now_us) {
  auto next = streams_.upper_bound(last_stepped_);
  for (size_t left = streams_.size(); left > 0; --left, ++next) {
    if (next == streams_.end()) next = streams_.begin();
    step(*next->second, now_us);
    last_stepped_ = next->first;
    if (left > 1 && parts_.clock.monotonic_us() - now_us > kMaxRequestsUs)
      return parts_.host.wake();
  }
}

bool Http2::may_make_more(size_t unsent_bytes) const {
  constexpr size_t kShort = MemoryBudget::kShortAnswerBytes;
  const bool has_many_answers = parts_.memory && parts_.memory->budget().has_many_answers();
  if (unsent_bytes_ < (has_many_answers ? kShort : parts_.limits.max_unsent_bytes_of_streams))
    return true;
  waits_for_memory_ |= has_many_answers;
  return unsent_bytes < kShort && (!has_many_answers || unsent_bytes_ < kMostShortAnswers * kShort);
}

void Http2::wake_held_up() {
  if (is_output_full_) return;
  waits_for_memory_ = false;
  for (const auto& [id, stream] : streams_)
    if (stream->unsent() < parts_.limits.max_unsent_bytes && may_make_more(stream->unsent()))
      stream->has_room_again();
}

void Http2::step(Stream& stream, int64_t now_us) {
  if (stream.is_ended()) {
    stream.exchange.reset();
    return;
  }
  if (!stream.is_complete && now_us >= stream.deadline_us && !stream.refusal &&
      (!stream.exchange || (stream.exchange->wants_body() && !stream.is_answered())))
    stream.refusal =
        error_response(error_code::kTimeout, "the rest of the request did not arrive in time");
  if (stream.refusal) {
    stream.exchange.reset();
    if (stream.is_answered()) return stream.fail();
    return stream.answer(std::move(*stream.refusal));
  }
  if (!stream.is_dispatched && stream.has_head && (stream.is_complete || stream.in_pieces())) {
    if (!stream.in_pieces() && !refusal_ && busy_streams_ >= kMaxBusyStreams) {
      has_waiting_requests_ = true;
      return;
    }
    dispatch(stream);
    if (stream.is_busy()) ++busy_streams_;
  }
  if (!stream.exchange) return;
  if (stream.in_pieces() && !stream.is_body_told && stream.exchange->wants_body()) {
    if (stream.body.size() > 0) stream.exchange->on_body(stream.body.take());
    stream.body.clear();
    if (const size_t taken = std::exchange(stream.unconsumed, 0); taken > 0)
      nghttp2_session_consume(session_, stream.id(), taken);
    if (stream.is_complete) {
      stream.is_body_told = true;
      stream.exchange->on_body_end();
    }
  }
  const auto deadline_us = stream.exchange->deadline_us();
  if (std::exchange(stream.is_woken, false) || (deadline_us && *deadline_us <= now_us))
    stream.exchange->run();
  if (stream.is_ended()) {
    stream.exchange.reset();
    stream.body.clear();
  }
}

// Resets streams whose answer is complete although the body of their request has not arrived
// completely. Otherwise the client would wait until it may send the rest of a body that is no
// longer needed.
void Http2::reset_answered() {
  bool is_any = false;
  for (const auto& [id, stream] : streams_)
    if (!stream->is_complete && nghttp2_session_get_stream_local_close(session_, id) == 1) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
      is_any = true;
    }
  if (is_any) send();
}

void Http2::dispatch(Stream& stream) {
  stream.is_dispatched = true;
  if (refusal_) return stream.answer(error_response(error_code::kNotReady, refusal_->message));
  if (stream.admission.answer) return stream.answer(std::move(*stream.admission.answer));
  if (held_up_count_ >= kMaxHeldUpStreams)
    return stream.answer(error_response(
        error_code::kNotReady,
        fmt::format("{} answers on this connection are held up because they are not read; read "
                    "or cancel them, or use another connection",
                    held_up_count_)));
  if (!stream.match.route)
    return stream.answer(parts_.routes.refusal(stream.match, stream.method, stream.request.path));
  if (!stream.in_pieces()) stream.request.body = stream.body.take();
  stream.exchange = stream.match.route->handler(
      std::move(stream.request), {parts_.loop, parts_.shard, parts_.clock, parts_.memory, stream,
                                  parts_.channel, &open_queries_});
  stream.is_woken = true;
  if (!stream.exchange && !stream.is_answered())
    stream.answer(error_response(error_code::kServerError, "the request has no handler"));
}

void Http2::send() {
  const size_t unsent_before = unsent_bytes_;
  take_frames();
  if (held_up_count_ > 0 && unsent_bytes_ < unsent_before) wake_held_up();
}

void Http2::take_frames() {
  while (!is_output_full_ && output_.size() < kMaxOutputBytes) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return end(nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) {
      is_held_up_ = false;
      return;
    }
    output_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  is_held_up_ = true;
}

std::string Http2::take_output() { return std::exchange(output_, {}); }

void Http2::set_output_full(bool is_full) {
  const bool was_full = std::exchange(is_output_full_, is_full);
  if (is_full) return;
  if (is_held_up_) parts_.host.wake();
  if (was_full) wake_held_up();
}

int64_t Http2::idle_until_us() const {
  const Limits& limits = parts_.limits;
  return idle_since_us_ + (has_requests_ ? limits.idle_timeout_ms : limits.head_timeout_ms) * 1000;
}

std::optional<int64_t> Http2::deadline_us() const {
  if (streams_.empty()) return idle_until_us();
  std::optional<int64_t> first;
  if (waits_for_memory_ && !is_output_full_) first = parts_.clock.monotonic_us() + kMemoryTickUs;
  const auto note = [&](int64_t deadline_us) {
    first = first ? std::min(*first, deadline_us) : deadline_us;
  };
  for (const auto& [id, stream] : streams_) {
    if (stream->is_ended()) continue;
    if (!stream->is_complete && (!stream->exchange || stream->exchange->wants_body()) &&
        !stream->is_answered())
      note(stream->deadline_us);
    if (stream->exchange)
      if (const auto of_exchange = stream->exchange->deadline_us()) note(*of_exchange);
  }
  return first;
}

void Http2::end(std::string reason) {
  end_reason_ = std::move(reason);
  is_over_ = true;
}

void Http2::shut_down(Error reason) {
  if (reason.code != ErrorCode::ShuttingDown) {
    // The client does not read, and its output takes memory that others need, so the output is
    // dropped.
    nghttp2_submit_goaway(
        session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
        NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const uint8_t*>(reason.message.data()),
        reason.message.size());
    is_output_full_ = false;
    send();
    end(std::move(reason.message));
    return parts_.host.wake();
  }
  is_stopping_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  for (const auto& [id, stream] : streams_) {
    if (stream->exchange) {
      stream->exchange->shut_down(reason);
      stream->is_woken = true;
    } else if (!stream->is_dispatched) {
      stream->refusal = error_response(error_code::kShuttingDown, reason.message);
    }
  }
  parts_.host.wake();
}

void Http2::refuse(Error reason) { refusal_ = std::move(reason); }

}  // namespace server::http
