#include "server/kafka_client/broker_connection.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/wire_errors.h"
#include "server/kafka_client/sasl_login.h"

namespace server::kafka_client {

namespace {

// An answer to Fetch has at most fetch.max.bytes, or one batch that is larger: the limits of both are 64 MiB.
constexpr size_t kMaxAnswerBytes = (64 << 20) + (1 << 20);
constexpr int16_t kNewestVersions = 3;

// Returns the kind of server that sends these first bytes, if it is not a Kafka broker; empty if it may be one.
std::string_view other_server(std::string_view bytes) {
  if (bytes.starts_with("HTTP/")) return "an HTTP server";
  if (bytes.starts_with("SSH-")) return "an SSH server";
  if (bytes.starts_with("220 ")) return "a mail or FTP server";
  return {};
}

bool is_tls_record(std::string_view bytes) {
  constexpr char kAlert = 0x15, kHandshake = 0x16, kVersion = 0x03;
  return bytes.size() >= 2 && (bytes[0] == kAlert || bytes[0] == kHandshake) &&
         bytes[1] == kVersion;
}

}  // namespace

BrokerConnection::BrokerConnection(Loop& loop, const ClientSettings& settings, Address address,
                                   int64_t patience_ms, Opened opened)
    : loop_(loop),
      settings_(settings),
      address_(std::move(address)),
      opened_(std::move(opened)),
      connector_(std::make_unique<Connector>(
          loop, address_, patience_ms,
          [this](Result<Socket> socket) { connected(std::move(socket)); })),
      frames_(std::make_shared<kafka::FrameReader>(kMaxAnswerBytes, settings.memory.get())),
      setup_timer_(
          loop, "a connection to another cluster is set up",
          [this, patience_ms] {
            fail({ErrorCode::NetworkFailure,
                  fmt::format("no answer within {} ms after the connection was accepted",
                              patience_ms),
                  {},
                  tls_ ? std::string() : "The port may need TLS, or belong to another program."});
          }),
      renewal_timer_(loop, "a session of another cluster ends",
                     [this] { must_be_renewed_ = true; }) {
  // The timer also runs while the connector works. The connector has the same limit, and its error
  // has the better message, so the timer fires a little later.
  setup_timer_.start_once(patience_ms + 1);
}

BrokerConnection::~BrokerConnection() { *alive_ = false; }

void BrokerConnection::connected(Result<Socket> socket) {
  if (!socket) {
    Error error = std::move(socket).error();
    // All errors of this class name the address. The connector's error has the address as well, so its prefix is
    // removed.
    const std::string prefix = fmt::format("cannot connect to {}: ", address_.to_string());
    if (error.message.starts_with(prefix)) error.message.erase(0, prefix.size());
    error.code = ErrorCode::NetworkFailure;
    return fail(std::move(error));
  }
  ConnectionHandler& handler = *this;
  connection_ = std::make_unique<Connection>(loop_, *std::move(socket), handler);
  connector_.reset();
  stage_ = Stage::Versions;
  if (settings_.tls) {
    tls_ = std::make_unique<ClientTls>(*settings_.tls, address_.host, settings_.host_check);
    connection_->write(tls_->take_encrypted());
  }
  ask_versions(kNewestVersions);
}

// --- Versions (KIP-511)

void BrokerConnection::ask_versions(int16_t version) {
  kafka::ApiVersionsRequest request;
  request.client_software_name = "millrace";
  request.client_software_version = "0.1.0";
  std::string frame;
  kafka::append_request(
      frame, {kafka::ApiVersionsRequest::kApiKey, version, next_id_, settings_.client_id}, request);
  send_frame(frame, kafka::ApiVersionsRequest::kApiName, settings_.request_timeout_ms,
             [this, version](Result<std::string_view> answer) {
               if (!answer) return;  // fail() has told the owner
               // A broker that does not know the requested version answers in version 0.
               const bool is_refused = version > 0 && answer->size() >= sizeof(int16_t) &&
                                       load_be<int16_t>(answer->data()) ==
                                           static_cast<int16_t>(kafka::kUnsupportedVersion);
               if (is_refused) return ask_versions(0);
               take_versions(kafka::decode_response<kafka::ApiVersionsResponse>(*answer, version));
             });
}

void BrokerConnection::take_versions(Result<kafka::ApiVersionsResponse> answer) {
  if (!answer) return fail(end_of_garbage(std::move(answer).error()));
  if (answer->error_code != KafkaError::None)
    return fail({ErrorCode::ProtocolViolation,
                 fmt::format("the broker refuses ApiVersions with Kafka's error {}",
                             static_cast<int>(answer->error_code))});
  for (const auto& each : answer->api_keys)
    versions_[each.api_key] = {each.min_version, each.max_version};
  for (const auto& each : answer->finalized_features) features_[each.name] = each.max_version_level;
  stage_ = Stage::LogIn;
  if (settings_.mechanism == SaslMechanism::None) return logged_in(0);
  login_ = std::make_unique<SaslLogin>(
      *this, [this](Result<int64_t> lifetime_ms) { logged_in(std::move(lifetime_ms)); });
  login_->begin();
}

void BrokerConnection::logged_in(Result<int64_t> lifetime_ms) {
  if (!lifetime_ms) return fail(std::move(lifetime_ms).error());
  // Kafka's Java client renews a session after 85 to 95 % of its lifetime.
  constexpr int64_t kPercent = 85;
  if (*lifetime_ms > 0) renewal_timer_.start_once(*lifetime_ms / 100 * kPercent);
  setup_timer_.stop();
  stage_ = Stage::Open;
  if (const Opened opened = std::exchange(opened_, nullptr)) opened({});
}

int16_t BrokerConnection::feature_level(const std::string& name) const {
  const auto found = features_.find(name);
  return found == features_.end() ? int16_t{0} : found->second;
}

Result<int16_t> BrokerConnection::common_version(int16_t api_key, std::string_view api_name,
                                                 VersionRange allowed) const {
  const auto found = versions_.find(api_key);
  if (found == versions_.end())
    return named({ErrorCode::NotSupported,
                  fmt::format("the broker does not support the request {}", api_name)});
  const VersionRange theirs = found->second;
  const int16_t newest = std::min(theirs.most, allowed.most);
  if (newest >= std::max(theirs.least, allowed.least)) return newest;
  return named({ErrorCode::NotSupported,
                fmt::format("the broker supports {} in the versions {} to {}, and a link needs one "
                            "of {} to {}",
                            api_name, theirs.least, theirs.most, allowed.least, allowed.most),
                {},
                "Links work with Apache Kafka 2.5 and later."});
}

// --- Requests and answers

void BrokerConnection::send_frame(const std::string& frame, std::string_view api_name,
                                  int64_t timeout_ms, Take take) {
  if (stage_ == Stage::Over)
    return fail_later([take = std::move(take), error = closed_error()] { take(error); });
  auto timer = std::make_unique<Timer>(
      loop_, "a request to another cluster", [this, timeout_ms, name = std::string(api_name)] {
        fail({ErrorCode::NetworkFailure,
              fmt::format("no answer to {} within {} ms", name, timeout_ms)});
      });
  timer->start_once(timeout_ms);
  waiting_.push_back({next_id_, std::string(api_name), std::move(take), std::move(timer)});
  next_id_ = next_id_ == INT32_MAX ? 1 : next_id_ + 1;
  write(frame);
}

void BrokerConnection::fail_later(std::function<void()> tell) {
  loop_.post(callback_.here(std::move(tell)));
}

void BrokerConnection::write(std::string bytes) {
  if (!tls_) return connection_->write(std::move(bytes));
  tls_->say(bytes);
  if (std::string out = tls_->take_encrypted(); !out.empty()) connection_->write(std::move(out));
}

void BrokerConnection::on_input(std::string_view bytes) {
  const bool is_first = !std::exchange(has_heard_, true);
  if (!tls_) {
    if (is_first && is_tls_record(bytes))
      return fail({ErrorCode::NetworkFailure,
                   "the broker speaks TLS on this port",
                   {},
                   "security.protocol is SSL or SASL_SSL."});
    if (const auto other = other_server(bytes); is_first && !other.empty())
      return fail(
          {ErrorCode::ProtocolViolation, fmt::format("{} answers, not a Kafka broker", other)});
    return receive(bytes);
  }
  if (is_first && !is_tls_record(bytes))
    return fail({ErrorCode::NetworkFailure,
                 "the server does not speak TLS on this port",
                 {},
                 "security.protocol is PLAINTEXT or SASL_PLAINTEXT."});
  const auto plain = tls_->receive(bytes);
  if (std::string out = tls_->take_encrypted(); !out.empty()) connection_->write(std::move(out));
  if (!plain) return tls_->is_closed_by_peer() ? on_closed() : fail(tls_error(plain.error()));
  const auto alive = alive_;
  if (!plain->empty()) receive(*plain);
  if (*alive && stage_ != Stage::Over && tls_->is_closed_by_peer()) on_closed();
}

Error BrokerConnection::tls_error(const Error& failure) const {
  if (tls_->is_other_host())
    return {ErrorCode::NetworkFailure,
            fmt::format("the certificate of the broker is not for the host \"{}\"", address_.host),
            {},
            "Use the name in the certificate, in bootstrap.servers and in the broker's "
            "advertised.listeners. With ssl.endpoint.identification.algorithm = '' any host is "
            "accepted."};
  if (tls_->is_certificate_refused())
    return {ErrorCode::NetworkFailure,
            fmt::format("the certificate of the broker is not accepted: {}", failure.message),
            {},
            "ssl.ca.location is a PEM file with the certificate of the authority that signed it."};
  Error error{ErrorCode::NetworkFailure, failure.message};
  if (failure.message.find("alert") != std::string::npos)
    error.hint =
        "The broker may ask for a certificate: ssl.certificate.location, ssl.key.location.";
  return error;
}

void BrokerConnection::receive(std::string_view bytes) {
  const auto alive = alive_;
  const auto frames = frames_;
  frames->receive(bytes);
  while (*alive && stage_ != Stage::Over) {
    const auto frame = frames->next();
    if (!frame)
      return fail({ErrorCode::ProtocolViolation,
                   fmt::format("the server does not answer like a Kafka broker: {}",
                               frame.error().message)});
    if (!*frame) break;
    answer(**frame);
  }
  frames->tidy();
}

void BrokerConnection::answer(std::string_view frame) {
  if (waiting_.empty() || frame.size() < sizeof(int32_t) ||
      load_be<int32_t>(frame.data()) != waiting_.front().id)
    return fail({ErrorCode::ProtocolViolation,
                 waiting_.empty()
                     ? std::string("the broker sent an answer without a request")
                     : fmt::format("the broker sent an answer that does not belong to the "
                                   "request {}",
                                   waiting_.front().api_name)});
  const Take take = std::move(waiting_.front().take);
  waiting_.pop_front();
  take(frame.substr(sizeof(int32_t)));
}

Error BrokerConnection::end_of_garbage(Error malformed) {
  malformed.message =
      fmt::format("the server does not answer like a Kafka broker: {}", malformed.message);
  Error error = named(malformed);
  // The connection fails only after this call: the caller of the request with the malformed answer gets its own
  // error first.
  fail_later([this, malformed] { fail(malformed); });
  return error;
}

// --- The end

Error BrokerConnection::named(Error error) const {
  error.message = fmt::format("{}: {}", address_.to_string(), error.message);
  return error;
}

Error BrokerConnection::closed_error() const {
  return named({ErrorCode::NetworkFailure, "the connection has ended"});
}

void BrokerConnection::fail(Error error) {
  if (stage_ == Stage::Over) return;
  error = named(std::move(error));
  stage_ = Stage::Over;
  setup_timer_.stop();
  renewal_timer_.stop();
  // The callbacks may destroy this object, so no member is used after the first callback. The TLS object is not
  // destroyed here, because it may be the caller of this function.
  const Opened opened = std::exchange(opened_, nullptr);
  const std::deque<Waiting> waiting = std::exchange(waiting_, {});
  connector_.reset();
  connection_.reset();
  const auto alive = alive_;
  for (const Waiting& each : waiting) {
    each.take(error);
    if (!*alive) break;
  }
  if (opened) opened(error);
}

void BrokerConnection::close(Error reason) { fail(std::move(reason)); }

void BrokerConnection::on_closed() {
  if (stage_ == Stage::Open)
    return fail({ErrorCode::NetworkFailure,
                 waiting_.empty()
                     ? std::string("the broker closed the connection")
                     : fmt::format("the broker closed the connection instead of answering {}",
                                   waiting_.front().api_name),
                 {},
                 settings_.mechanism == SaslMechanism::None && !waiting_.empty()
                     ? "The port may need a user: security.protocol is SASL_PLAINTEXT or SASL_SSL."
                     : ""});
  Error error{ErrorCode::NetworkFailure,
              stage_ == Stage::LogIn ? "the broker closed the connection during the log-in"
                                     : "the server closed the connection before it answered"};
  if (stage_ == Stage::LogIn)
    error.hint = "Check sasl.mechanism, sasl.username and sasl.password.";
  else if (!tls_)
    error.hint = "The port may need TLS: security.protocol is SSL or SASL_SSL.";
  else if (!tls_->is_open())
    error.hint = "The port may have no TLS: security.protocol is PLAINTEXT or SASL_PLAINTEXT.";
  else
    error.hint =
        "The broker may ask for a certificate: ssl.certificate.location, ssl.key.location.";
  fail(std::move(error));
}

}  // namespace server::kafka_client
