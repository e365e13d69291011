// Authenticates Kafka clients: with SASL's PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER as
// one of SQL's users, or with the client's TLS certificate.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "server/auth/access.h"
#include "server/auth/oauth/token.h"
#include "server/auth/scram.h"
#include "server/net/tls.h"

namespace server::kafka {

// Kafka's name for a client that has not authenticated.
inline constexpr std::string_view kAnonymous = "ANONYMOUS";

// Threads: one loop. Owner: the session. `access`, `channel` and `clock` outlive the object.
class Sasl {
 public:
  // Limit for the size of requests before the client is admitted.
  static constexpr size_t kMostRequestBytes = 64 * 1024;

  // If `access` and `channel` are null, users do not exist and all clients may do everything. A
  // client that was admitted by SASL must authenticate again within `max_reauth_ms`; 0: never
  // (connections.max.reauth.ms, KIP-368).
  Sasl(const auth::Access* access, const Channel* channel, const Clock& clock,
       int64_t max_reauth_ms)
      : access_(access), channel_(channel), clock_(clock), max_reauth_ms_(max_reauth_ms) {}

  // Returns whether the client's requests are answered.
  bool is_admitted() const { return is_admitted_ || !access_ || access_->is_open(); }
  // Returns the authenticated user; ANONYMOUS before the authentication. A name that a client
  // claims is not returned before it is proved.
  const std::string& user() const { return user_; }
  const std::string& claimed_user() const { return claimed_; }

  // Checks whether a request may be answered now. If it fails with InvalidAuthorization, the
  // connection ends.
  Status admit(int16_t api_key);

  // Returns whether the user's rights must be checked. Otherwise the client may do everything.
  bool has_limits() const { return access_ && !access_->is_open(); }
  // Returns a number that distinguishes the user from a later user of the same name.
  uint64_t incarnation() const { return incarnation_; }

  // Returns the mechanisms that the server offers. OAUTHBEARER is one of them if the server can
  // check tokens.
  std::span<const std::string_view> mechanisms() const;
  // Returns whether an authentication exchange may begin: once before the client is admitted, and
  // again at any time afterwards if authentications expire (max_reauth_ms).
  bool may_choose() const {
    if (!access_) return false;
    return is_admitted_ ? expires_us_ && !is_again_ : mechanism_ == Mechanism::None;
  }
  // Begins an exchange with the mechanism. Returns false if the mechanism does not exist, or if it
  // differs from the mechanism of the first exchange. `has_raw_tokens`: the client sends its tokens
  // without SaslAuthenticate, after version 0 of SaslHandshake.
  bool choose(std::string_view mechanism, bool has_raw_tokens);
  // Returns whether an exchange has begun and is not finished.
  bool awaits_step() const { return mechanism_ != Mechanism::None && (!is_admitted_ || is_again_); }
  // Returns whether the next frame is a token without a request header.
  bool awaits_raw_token() const { return has_raw_tokens_ && awaits_step(); }
  // Returns how long the client stays admitted after the end of its exchange, in ms, or 0 if there
  // is no limit.
  int64_t session_lifetime_ms() const { return expires_us_ ? lifetime_ms_ : 0; }

  // Handles the bytes of SaslAuthenticate. Checking PLAIN's password or OAUTHBEARER's token is
  // slow, so the caller does it on another thread and then calls finish() or finish_token(). Fails
  // with ProtocolViolation, InvalidAuthorization, InvalidPassword.
  struct Step {
    std::string answer = {};
    std::optional<std::string> password = {};  // password of claimed_user() to check
    std::optional<std::string> token = {};     // token to check
  };
  Result<Step> step(std::string_view bytes);
  // Admits the user, whose identity is proved.
  Status finish();
  // Admits the user of the token, until the token expires. If the token is refused, returns the
  // JSON answer of RFC 7628; the client acknowledges it with one more message, whose answer is the
  // error.
  Result<Step> finish_token(const Result<auth::oauth::Grant>& grant);
  const auth::Access& access() const { return *access_; }

 private:
  enum class Mechanism : uint8_t { None, Plain, Sha256, Sha512, Bearer };
  Result<Step> step_plain(std::string_view token);
  Result<Step> step_scram(std::string_view token);
  Result<Step> step_bearer(std::string_view message);
  // Admits the user if the access rules allow it.
  Status let_in(std::string user, auth::Method method);

  bool is_expired() const { return expires_us_ && clock_.monotonic_us() >= *expires_us_; }

  const auth::Access* const access_;
  const Channel* const channel_;
  const Clock& clock_;
  const int64_t max_reauth_ms_;
  Mechanism mechanism_ = Mechanism::None;
  std::optional<auth::ScramServer> scram_;
  std::string user_{kAnonymous}, claimed_;
  uint64_t incarnation_ = 0;
  bool is_admitted_ = false;
  bool has_raw_tokens_ = false;             // in the present exchange
  bool is_again_ = false;                   // a re-authentication is under way
  std::string authorization_id_;            // of OAUTHBEARER; empty: the user of the token
  std::optional<Error> refusal_ = {};       // the reason why the token was refused
  int64_t token_expires_ms_ = 0;            // of the wall clock; 0: no token
  int64_t lifetime_ms_ = 0;                 // of the session
  std::optional<int64_t> expires_us_ = {};  // nullopt: the session does not expire
};

}  // namespace server::kafka
