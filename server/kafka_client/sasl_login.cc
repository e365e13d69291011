#include "server/kafka_client/sasl_login.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/auth/scram.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_authenticate_response.h"
#include "server/kafka/messages/sasl_handshake_request.h"
#include "server/kafka/messages/sasl_handshake_response.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka_client {

namespace {

// Returns the text of a broker for an error: short, in one line, and without the password.
std::string quoted_reason(std::string reason, const std::string& password) {
  constexpr size_t kMostBytes = 200;
  absl::StrReplaceAll({{password, "[hidden]"}}, &reason);
  std::ranges::replace_if(
      reason, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
  if (reason.size() > kMostBytes) reason.resize(kMostBytes);
  return reason;
}

}  // namespace

// The owner may destroy this object within the callback.
void SaslLogin::finish(Result<int64_t> end) {
  const Done done = done_;
  done(std::move(end));
}

void SaslLogin::begin() {
  kafka::SaslHandshakeRequest request;
  request.mechanism = mechanism_name(settings_.mechanism);
  connection_.ask<kafka::SaslHandshakeRequest, kafka::SaslHandshakeResponse>(
      request, {1, 1}, settings_.request_timeout_ms,
      [this](Result<kafka::SaslHandshakeResponse> answer) {
        if (!answer) {
          if (answer.error().code == ErrorCode::NotSupported) finish(std::move(answer).error());
          return;
        }
        if (answer->error_code == kafka::kIllegalSaslState)
          return finish(Error{ErrorCode::InvalidAuthorization,
                              "the broker takes no user on this port",
                              {},
                              "security.protocol is PLAINTEXT or SSL."});
        if (answer->error_code != KafkaError::None) return finish(not_offered(answer->mechanisms));
        if (settings_.mechanism != SaslMechanism::Plain) return begin_scram();
        authenticate(auth::plain_message(settings_.user, settings_.password),
                     [this](std::string_view) { finish(lifetime_ms_); });
      });
}

void SaslLogin::authenticate(std::string message, Next next) {
  kafka::SaslAuthenticateRequest request;
  request.auth_bytes = message;
  connection_.ask<kafka::SaslAuthenticateRequest, kafka::SaslAuthenticateResponse>(
      request, BrokerConnection::all_versions<kafka::SaslAuthenticateRequest>(),
      settings_.request_timeout_ms,
      [this, next = std::move(next)](Result<kafka::SaslAuthenticateResponse> answer) {
        if (!answer) {
          if (answer.error().code == ErrorCode::NotSupported) finish(std::move(answer).error());
          return;
        }
        if (answer->error_code != KafkaError::None) return finish(refused(answer->error_message));
        lifetime_ms_ = answer->session_lifetime_ms;
        next(answer->auth_bytes);
      });
}

Error SaslLogin::not_offered(const std::vector<std::string>& mechanisms) const {
  std::string offered;
  for (const std::string& each : mechanisms)
    offered += (offered.empty() ? "" : ", ") + quoted_reason(each, settings_.password);
  return {ErrorCode::InvalidAuthorization,
          fmt::format("the broker does not offer SASL/{}", mechanism_name(settings_.mechanism)),
          {},
          fmt::format("It offers {}.", offered.empty() ? "no mechanism" : offered)};
}

Error SaslLogin::refused(const std::optional<std::string>& reason) const {
  Error error{ErrorCode::InvalidPassword,
              fmt::format("SASL/{} was refused for user \"{}\"",
                          mechanism_name(settings_.mechanism), settings_.user),
              {},
              "Check sasl.username, sasl.password and sasl.mechanism."};
  if (reason && !reason->empty())
    error.detail =
        fmt::format("The broker reports: {}", quoted_reason(*reason, settings_.password));
  return error;
}

void SaslLogin::begin_scram() {
  scram_.emplace(
      settings_.mechanism == SaslMechanism::ScramSha256 ? auth::Hash::Sha256 : auth::Hash::Sha512,
      settings_.user, settings_.password, auth::new_scram_nonce());
  authenticate(scram_->first(), [this](std::string_view server_first) {
    if (Status begun = scram_->begin(server_first); !begun) return finish(std::move(begun).error());
    compute_scram();
  });
}

void SaslLogin::compute_scram() {
  if (!scram_->work())
    return connection_.loop_.post_slice("the proof of a password",
                                        connection_.callback_.here([this] { compute_scram(); }));
  authenticate(scram_->final(), [this](std::string_view server_final) {
    if (Status known = scram_->check(server_final); !known) return finish(std::move(known).error());
    finish(lifetime_ms_);
  });
}

}  // namespace server::kafka_client
