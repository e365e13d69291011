#include "server/kafka/sasl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_handshake_request.h"

namespace server::kafka {

namespace {

// The name that stands for Kafka's connections in the database column of the access file.
constexpr const char* kDatabase = "kafka";
constexpr std::array<std::string_view, 3> kMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

}  // namespace

std::span<const std::string_view> Sasl::mechanisms() { return kMechanisms; }

Status Sasl::admit(int16_t api_key) {
  if (api_key == ApiVersionsRequest::kApiKey || api_key == SaslHandshakeRequest::kApiKey ||
      api_key == SaslAuthenticateRequest::kApiKey)
    return {};
  if (is_expired())
    return Error{
        ErrorCode::InvalidAuthorization,
        fmt::format("the session of user \"{}\" has expired (connections.max.reauth.ms)", user_)};
  if (is_admitted()) return {};
  if (mechanism_ != Mechanism::None)
    return Error{ErrorCode::InvalidAuthorization,
                 "the client has not completed the authentication"};
  std::string user(kAnonymous);
  if (!channel_->certificate_name.empty()) user = channel_->certificate_name;
  const auth::Method method = TRY(access_->admit(kDatabase, user, *channel_));
  if (method == auth::Method::Password)
    return Error{ErrorCode::InvalidAuthorization, "the client has not authenticated with SASL"};
  return let_in(std::move(user), method);
}

Status Sasl::let_in(std::string user, auth::Method method) {
  if (method == auth::Method::Certificate) TRY(access_->check_certificate(user, *channel_));
  if (!access_->is_open()) incarnation_ = TRY(access_->check_login(user));
  user_ = std::move(user);
  is_admitted_ = true;
  return {};
}

bool Sasl::choose(std::string_view mechanism) {
  const auto* const found = std::ranges::find(kMechanisms, mechanism);
  if (found == kMechanisms.end()) return false;
  const auto chosen = static_cast<Mechanism>(1 + (found - kMechanisms.begin()));
  if (is_admitted_ && chosen != mechanism_) return false;
  mechanism_ = chosen;
  is_again_ = is_admitted_;
  scram_.reset();
  return true;
}

Result<Sasl::Step> Sasl::step(std::string_view token) {
  return mechanism_ == Mechanism::Plain ? step_plain(token) : step_scram(token);
}

// Reads the token of PLAIN, which consists of the authorization id, NUL, the user, NUL, and the
// password.
Result<Sasl::Step> Sasl::step_plain(std::string_view token) {
  const Error malformed{ErrorCode::ProtocolViolation, "malformed PLAIN token"};
  const size_t first = token.find('\0');
  const size_t second = token.find('\0', std::min(first, token.size() - 1) + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return malformed;
  const std::string_view authorization_id = token.substr(0, first);
  claimed_ = token.substr(first + 1, second - first - 1);
  if (claimed_.empty() || (!authorization_id.empty() && authorization_id != claimed_))
    return malformed;
  return Step{{}, std::string(token.substr(second + 1))};
}

Result<Sasl::Step> Sasl::step_scram(std::string_view token) {
  const auth::Hash hash = mechanism_ == Mechanism::Sha256 ? auth::Hash::Sha256 : auth::Hash::Sha512;
  if (!scram_) {
    scram_.emplace(auth::ScramOptions{
        .hash = hash, .nonce = auth::new_scram_nonce(), .takes_longer_nonce = true});
    claimed_ = TRY(scram_->begin(token));
    return Step{scram_->challenge(access_->verifier_of(claimed_, hash))};
  }
  auto last = scram_->finish(token);
  if (!last && last.error().code == ErrorCode::InvalidPassword)
    return access_->refused_password(claimed_);
  if (!last) return std::move(last).error();
  TRY(finish());
  return Step{*std::move(last)};
}

Status Sasl::finish() {
  // Requests that the connection has already begun belong to the first user, so a connection cannot
  // switch to another user.
  if (is_again_ && claimed_ != user_)
    return Error{
        ErrorCode::InvalidAuthorization,
        fmt::format("a connection of user \"{}\" cannot switch to user \"{}\"", user_, claimed_)};
  const auto admitted = TRY(access_->admit(kDatabase, claimed_, *channel_));
  TRY(let_in(claimed_, admitted));
  is_again_ = false;
  if (max_reauth_ms_ > 0) expires_us_ = clock_.monotonic_us() + max_reauth_ms_ * 1000;
  return {};
}

}  // namespace server::kafka
