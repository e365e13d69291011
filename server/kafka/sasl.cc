#include "server/kafka/sasl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/auth/oauth/bearer_message.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_handshake_request.h"

namespace server::kafka {

namespace {

// The value that means Kafka in the database column of the access file.
constexpr const char* kDatabase = "kafka";
constexpr std::array<std::string_view, 4> kMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                                         "OAUTHBEARER"};

}  // namespace

std::span<const std::string_view> Sasl::mechanisms() const {
  const std::span<const std::string_view> all = kMechanisms;
  const bool has_tokens = access_ && access_->tokens();
  return has_tokens ? all : all.first(all.size() - 1);
}

Status Sasl::admit(int16_t api_key) {
  if (api_key == ApiVersionsRequest::kApiKey || api_key == SaslHandshakeRequest::kApiKey ||
      api_key == SaslAuthenticateRequest::kApiKey)
    return {};
  if (is_expired())
    return Error{
        ErrorCode::InvalidAuthorization,
        fmt::format("the session of user \"{}\" has expired ({})", user_,
                    mechanism_ == Mechanism::Bearer ? "connections.max.reauth.ms, or its token"
                                                    : "connections.max.reauth.ms")};
  if (is_admitted()) return {};
  if (mechanism_ != Mechanism::None)
    return Error{ErrorCode::InvalidAuthorization,
                 "the client has not completed the authentication"};
  std::string user(kAnonymous);
  if (!channel_->certificate_name.empty()) user = channel_->certificate_name;
  const auth::Method method = TRY(access_->admit(kDatabase, user, *channel_));
  if (method == auth::Method::Password || method == auth::Method::Token)
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

bool Sasl::choose(std::string_view mechanism, bool has_raw_tokens) {
  const std::span<const std::string_view> offered = mechanisms();
  const auto found = std::ranges::find(offered, mechanism);
  if (found == offered.end()) return false;
  const auto chosen = static_cast<Mechanism>(1 + (found - offered.begin()));
  if (is_admitted_ && chosen != mechanism_) return false;
  mechanism_ = chosen;
  has_raw_tokens_ = has_raw_tokens;
  is_again_ = is_admitted_;
  scram_.reset();
  refusal_.reset();
  return true;
}

Result<Sasl::Step> Sasl::step(std::string_view bytes) {
  if (mechanism_ == Mechanism::Bearer) return step_bearer(bytes);
  return mechanism_ == Mechanism::Plain ? step_plain(bytes) : step_scram(bytes);
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

Result<Sasl::Step> Sasl::step_bearer(std::string_view message) {
  if (refusal_) return *refusal_;
  auto parsed = TRY(auth::oauth::parse_bearer_message(message));
  authorization_id_ = std::move(parsed.authorization_id);
  return Step{.token = std::move(parsed.token)};
}

Result<Sasl::Step> Sasl::finish_token(const Result<auth::oauth::Grant>& grant) {
  if (!grant) {
    refusal_ = grant.error();
    return Step{std::string(auth::oauth::kInvalidToken)};
  }
  claimed_ = grant->user;
  if (!authorization_id_.empty() && authorization_id_ != claimed_)
    return Error{
        ErrorCode::InvalidAuthorization,
        fmt::format("the token is one of user \"{}\", and the client has asked for another "
                    "user (authorization id)",
                    claimed_)};
  token_expires_ms_ = grant->expires_ms;
  TRY(finish());
  return Step{};
}

Status Sasl::finish() {
  // The requests of this connection that are in progress belong to its first user. So a connection cannot change
  // its user.
  if (is_again_ && claimed_ != user_)
    return Error{
        ErrorCode::InvalidAuthorization,
        fmt::format("a connection of user \"{}\" cannot switch to user \"{}\"", user_, claimed_)};
  const auto admitted = TRY(access_->admit(kDatabase, claimed_, *channel_));
  // The access file decides which method a user has to use. Without an access file, every method is
  // accepted.
  if (!access_->is_open())
    TRY(auth::Access::check_proof(
        claimed_, admitted,
        mechanism_ == Mechanism::Bearer ? auth::Method::Token : auth::Method::Password));
  TRY(let_in(claimed_, admitted));
  is_again_ = false;
  // A session ends when its token expires (KIP-368). Clients interpret a lifetime of 0 as no limit.
  lifetime_ms_ = max_reauth_ms_;
  if (token_expires_ms_ > 0) {
    const int64_t left_ms = std::max<int64_t>(token_expires_ms_ - clock_.wall_ms(), 1);
    lifetime_ms_ = max_reauth_ms_ > 0 ? std::min(max_reauth_ms_, left_ms) : left_ms;
  }
  if (lifetime_ms_ > 0) expires_us_ = clock_.monotonic_us() + lifetime_ms_ * 1000;
  return {};
}

}  // namespace server::kafka
