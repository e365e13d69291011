#include "server/kafka/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "server/kafka/apis.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/handlers/raw_tokens.h"
#include "server/kafka/long_polls.h"
#include "server/kafka/permissions.h"
#include "server/kafka/wire_errors.h"
#include "server/net/foreign_client.h"

namespace server::kafka {

namespace {

// Returns whether the bytes begin a TLS handshake (RFC 8446, section 5.1). A session sees such bytes only if its port has
// no TLS. Fewer than three bytes are not enough to decide; the result is then false.
bool begins_tls(std::string_view bytes) {
  constexpr char kHandshake = 0x16, kMajorVersion = 3;  // the major version of all versions of TLS
  constexpr size_t kNeededBytes = 3;
  return bytes.size() >= kNeededBytes && bytes[0] == kHandshake && bytes[1] == kMajorVersion;
}

// The fatal alert handshake_failure of TLS. The client then reports the failure at once; without the alert it would wait
// until its own time limit.
constexpr std::string_view kTlsHandshakeFailure{"\x15\x03\x01\0\x02\x02\x28", 7};

constexpr int16_t kApiVersionsKey = ApiVersionsRequest::kApiKey;

constexpr size_t kReadAhead = 64 * 1024;

// Returns the client id for the log, truncated and printable, because a client may send any text.
std::string client_name(const RequestHeader& header) {
  constexpr size_t kShown = 40;
  std::string name = header.client_id.value_or("").substr(0, kShown);
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isprint(c) == 0 || c == '"'; }, '?');
  return name;
}

// Returns the log message for a request that this server does not support. The message is needed
// because some clients repeat such a request without reporting an error.
std::string unknown_request(const RequestHeader& header) {
  return fmt::format("this request is not supported yet (api key {}, version {}, client id \"{}\")",
                     header.api_key, header.api_version, client_name(header));
}

// Answers ApiVersions of an unknown version in the oldest format. A newer client can read the
// supported versions in this format.
void answer_unknown_api_versions(const RequestHeader& header, AnswerSlot& slot) {
  ApiVersionsResponse response = supported_versions();
  response.error_code = kUnsupportedVersion;
  append_response(slot.bytes, header.correlation_id, 0, response);
  slot.finish();
}

// Reduces the limits if partitions have followers. Otherwise a client that sends without a pause
// would write further and further ahead of the followers, until they are out of sync. With the
// reduced limit, the client's input waits in the socket until the followers have replicated its
// earlier records.
SessionLimits within_replication(SessionLimits limits, const Backend& backend) {
  constexpr size_t kMostAhead = 4 << 20;
  if (!backend.leads_all())
    limits.max_pending_bytes = std::min(limits.max_pending_bytes, kMostAhead);
  return limits;
}

// Returns whether the node is suspended: other nodes have taken over its partitions. Requests for
// the current state then end the connection. A client whose connection ends asks another node; a
// client that got an answer with outdated leaders would ask this node again and again.
bool is_suspended(const Backend& backend) {
  const auto view = backend.cluster();
  return view && view->is_suspended;
}

}  // namespace

Session::Session(Backend& backend, SessionHost& host, const Clock& clock, NodeView node,
                 SessionLimits limits, SessionSurroundings surroundings)
    : backend_(backend),
      host_(host),
      clock_(clock),
      node_(std::move(node)),
      limits_(within_replication(limits, backend)),
      surroundings_(std::move(surroundings)),
      frames_(limits.max_frame_size, surroundings.memory),
      pending_charge_(surroundings.memory, MemoryKind::Connections),
      sasl_(surroundings_.access, surroundings_.channel, clock, limits.max_reauth_ms),
      authentication_until_us_(clock.monotonic_us() + limits.authentication_timeout_ms * 1000),
      active_us_(clock.monotonic_us()) {
  throttle_.rates = surroundings.quota_rates;
  aside_->on_open = [this] {
    if (!is_running_) host_.wake();
  };
}

Session::~Session() {
  aside_->on_open = nullptr;
  for (const Pending& pending : pending_) pending.slot->on_ready = nullptr;
  if (surroundings_.polls) surroundings_.polls->forget(*this, told_);
}

void Session::run() {
  is_running_ = true;
  retry_fetch();
  collect_answers();
  if (!has_request_) answer_foreign_client();
  while (can_begin() && begin_next()) {
    if (tell_polls()) look_again();
    collect_answers();
  }
  is_running_ = false;
  if (!is_over_ && !sasl_.is_admitted()) check_admission();
  if (const auto until_us = idle_until_us(); until_us && clock_.monotonic_us() >= *until_us)
    is_over_ = true;
  if (is_draining_ && pending_.empty()) is_over_ = true;
  ask_for_room();
  pending_charge_.resize(pending_bytes_);
  // The session pauses if it has much output. Requests are small and answers are large. Without the
  // pause, the answers to requests that have already arrived could fill the memory and would delay
  // all other connections.
  if (!is_over_ && output_.size() >= limits_.max_output_bytes) host_.wake();
}

std::optional<int64_t> Session::idle_until_us() const {
  const int64_t limit_ms = has_request_ ? limits_.max_idle_ms : limits_.first_request_timeout_ms;
  const bool waits_for_server = !pending_.empty() || waiting_fetch_ || is_muted();
  if (limit_ms < 0 || waits_for_server || is_over_) return std::nullopt;
  return active_us_ + limit_ms * 1000;
}

void Session::answer_foreign_client() {
  if (!is_over_ && is_http_request(frames_.unread())) {
    output_ += http_refusal(WireProtocol::Kafka);
    return refuse(wrong_port(WireProtocol::Http, WireProtocol::Kafka));
  }
  if (!is_over_ && begins_tls(frames_.unread())) {
    output_ += kTlsHandshakeFailure;
    return refuse(
        "a client with TLS has connected to the Kafka port, which has no TLS; set --tls-cert and "
        "--tls-key of the server, or security.protocol=PLAINTEXT or SASL_PLAINTEXT in the client");
  }
  while (!is_over_) {
    const PostgresGreeting greeting = read_postgres_greeting(frames_.unread(), is_postgres_);
    if (greeting == PostgresGreeting::None) return;
    if (greeting == PostgresGreeting::Start) {
      output_ += postgres_refusal(WireProtocol::Kafka);
      return refuse(wrong_port(WireProtocol::Postgres, WireProtocol::Kafka));
    }
    is_postgres_ = true;
    output_ += 'N';  // the connection continues without encryption
    frames_.skip(kEncryptionRequestBytes);
  }
}

void Session::check_admission() {
  if (clock_.monotonic_us() >= authentication_until_us_)
    refuse("the client has not authenticated in time");
  else if (frames_.awaited_bytes() > Sasl::kMostRequestBytes)
    refuse("a client that has not authenticated has sent a long request");
}

void Session::ask_for_room() {
  refused_memory_.clear();
  frames_.tidy();
  if (can_begin() && !frames_.make_room())
    refused_memory_ = fmt::format("a request of {}", format_bytes(frames_.awaited_bytes()));
}

bool Session::tell_polls() {
  if (!surroundings_.polls || !waiting_fetch_ || told_ == awaited()) return false;
  surroundings_.polls->forget(*this, told_);
  told_ = awaited();
  surroundings_.polls->await(*this, told_);
  return true;
}

bool Session::can_begin() const {
  return !is_over_ && !is_ending_ && !is_draining_ && !output_is_full_ && !waiting_fetch_ &&
         !is_muted() && aside_->under_way == 0 && pending_.size() < limits_.max_pending_answers &&
         pending_bytes_ < limits_.max_pending_bytes && output_.size() < limits_.max_output_bytes;
}

bool Session::is_muted() const {
  return throttle_.muted_until_us > 0 && clock_.monotonic_us() < throttle_.muted_until_us;
}

// While a client has a long poll, its next requests may already be read, up to a limit, because
// stopping and restarting the reads for each long poll would cost more.
bool Session::wants_input() const {
  return can_begin() || (waiting_fetch_ && aside_->under_way == 0 && !is_over_ &&
                         frames_.buffered_bytes() < kReadAhead);
}

bool Session::begin_next() {
  const Result<std::optional<std::string_view>> frame = frames_.next();
  if (frame && !*frame) return false;
  frame ? begin(**frame) : refuse(frame.error().message);
  return true;
}

std::shared_ptr<AnswerSlot> Session::new_slot() {
  has_request_ = true;
  active_us_ = clock_.monotonic_us();
  auto slot = std::make_shared<AnswerSlot>();
  slot->on_ready = [this, raw = slot.get()] {
    if (raw->ends_connection) is_ending_ = true;
    if (!is_running_) host_.wake();
  };
  return slot;
}

void Session::begin(std::string_view frame) {
  if (sasl_.awaits_raw_token()) return begin_raw_token(frame);
  const Result<RequestFrame> request = parse_request(frame);
  if (!request) return refuse(request.error().message);
  const std::shared_ptr<AnswerSlot> slot = new_slot();
  const ApiRow* api = find_api(request->header.api_key);
  const bool waits = api && api->tells_present && !pending_.empty();
  pending_.push_back({slot, frame.size(), std::string(waits ? frame : "")});
  if (!waits) answer(*request, slot);
  pending_.back().size_bytes += slot->bytes.size();
  pending_bytes_ += pending_.back().size_bytes;
}

void Session::begin_raw_token(std::string_view token) {
  const std::shared_ptr<AnswerSlot> slot = new_slot();
  pending_.push_back({slot, token.size()});
  HandlerContext all = context();
  handle_raw_token(all, token, slot);
  pending_.back().size_bytes += slot->bytes.size();
  pending_bytes_ += pending_.back().size_bytes;
}

// Begins a request that was deferred until all earlier requests were answered. If its answer had
// been computed when it arrived, the answer could be seconds old when it is sent, because it waits
// for the answers to earlier Produce requests, whose replicas may be down. An outdated answer would
// send the client back to the old leader, and librdkafka before 2.1 would stay there.
void Session::begin_in_turn() {
  Pending& first = pending_.front();
  const std::string frame = std::exchange(first.request, {});
  answer(*parse_request(frame), first.slot);
  first.size_bytes += first.slot->bytes.size();
  pending_bytes_ += first.slot->bytes.size();
}

void Session::answer(const RequestFrame& request, const std::shared_ptr<AnswerSlot>& slot) {
  const RequestHeader& header = request.header;
  const ApiRow* api = find_api(header.api_key);
  const bool has_version =
      api && header.api_version >= api->min_version && header.api_version <= api->max_version;
  if (!has_version) {
    if (header.api_key == kApiVersionsKey) return answer_unknown_api_versions(header, *slot);
    // It is unknown which answer the client can decode, so the connection ends without an answer.
    return refuse(unknown_request(header));
  }
  if (const Status admitted = sasl_.admit(header.api_key); !admitted)
    return refuse(admitted.error().message);
  if (api->tells_present && is_suspended(backend_))
    return refuse(
        "other nodes lead the partitions of this node, and their leaders are not known "
        "here");
  if (!renew_permissions()) return;
  throttle_.user = sasl_.user();
  throttle_.client_id = header.client_id.value_or("");
  HandlerContext all = context();
  all.client_id = header.client_id.value_or("");
  all.client_host = surroundings_.client_host;
  if (const Status handled = api->handle(all, request, slot); !handled)
    refuse(fmt::format("{} (api key {}, version {}, client id \"{}\")", handled.error().message,
                       header.api_key, header.api_version, client_name(header)));
}

bool Session::renew_permissions() {
  if (!sasl_.has_limits() || !sasl_.is_admitted()) return true;
  auto users = backend_.users();
  if (users == users_) return true;
  users_ = std::move(users);
  const auto role = users_->roles.find(sasl_.user());
  if (role == users_->roles.end() || !role->second.may_login ||
      role->second.incarnation != sasl_.incarnation()) {
    refuse(fmt::format("user {} was dropped, or can no longer log in", sasl_.user()));
    return false;
  }
  permissions_ = std::make_shared<const Permissions>(users_, sasl_.user());
  if (permissions_->is_unlimited()) permissions_ = nullptr;
  return true;
}

void Session::refuse(std::string why) {
  end_reason_ = std::move(why);
  is_over_ = true;
}

void Session::shut_down(Error reason) {
  if (reason.code == ErrorCode::ShuttingDown) {
    is_draining_ = true;
    if (waiting_fetch_) {
      waiting_fetch_->deadline_us = 0;
      if (waiting_fetch_->question)  // the confirmation of the leadership may never arrive
        waiting_fetch_->question = std::make_shared<LeadersQuestion>(std::in_place);
    }
  } else {
    refuse(reason.detail.empty() ? std::move(reason.message)
                                 : fmt::format("{}: {}", reason.message, reason.detail));
  }
  host_.wake();
}

void Session::grown() {
  if (!waiting_fetch_) return;  // no long poll waits; the next one reads the log after this growth
  has_grown_ = true;
  if (!is_running_) host_.wake();
}

void Session::collect_answers() {
  while (!pending_.empty()) {
    if (!is_over_ && !pending_.front().request.empty()) begin_in_turn();
    if (!pending_.front().slot->is_ready) return;
    AnswerSlot& slot = *pending_.front().slot;
    if (slot.ends_connection) {
      is_over_ = true;
      if (end_reason_.empty()) end_reason_ = std::move(slot.end_reason);
    }
    if (output_.empty())
      output_ = std::move(slot.bytes);
    else
      output_ += slot.bytes;
    pending_bytes_ -= pending_.front().size_bytes;
    active_us_ = clock_.monotonic_us();
    slot.on_ready = nullptr;
    pending_.pop_front();
  }
}

void Session::retry_fetch() {
  if (!waiting_fetch_) return;
  const std::optional<int64_t> due_us = deadline_us();
  if (due_us && clock_.monotonic_us() >= *due_us) look_again();
}

void Session::look_again() {
  has_grown_ = false;
  if (!renew_permissions()) return;
  HandlerContext all = context();
  retry_waiting_fetch(all);
}

std::optional<int64_t> Session::deadline_us() const {
  const std::optional<int64_t> idle_us = idle_until_us();
  if (!sasl_.is_admitted())
    return idle_us ? std::min(authentication_until_us_, *idle_us) : authentication_until_us_;
  if (!waiting_fetch_) return is_muted() ? std::optional(throttle_.muted_until_us) : idle_us;
  if (waiting_fetch_->is_unanswered()) return std::nullopt;
  // The confirmation of the leadership has arrived, so the fetch reads immediately.
  if (waiting_fetch_->question) return 0;
  const int64_t end_us = waiting_fetch_->deadline_us;
  return has_grown_ ? std::min(end_us, waiting_fetch_->next_look_us) : end_us;
}

const std::vector<storage::TopicPartition>& Session::awaited() const {
  static const std::vector<storage::TopicPartition> kNothing;
  return waiting_fetch_ ? waiting_fetch_->partitions : kNothing;
}

}  // namespace server::kafka
