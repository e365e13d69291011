// How a Kafka client shows who it is: SASL's PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 over the users that SQL has too, or
// the certificate of its TLS.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "server/auth/access.h"
#include "server/auth/scram.h"
#include "server/net/tls.h"

namespace server::kafka {

// As Kafka calls whoever has not said who it is.
inline constexpr std::string_view kAnonymous = "ANONYMOUS";

// Threads: one loop's. Owner: the session. What it refers to outlives it.
class Sasl {
 public:
  // Requests of one who is not yet let in are no longer.
  static constexpr size_t kMostRequestBytes = 64 * 1024;

  // Both null: all clients may do everything, and users do not exist. A client that came in by a mechanism authenticates
  // again within `max_reauth_ms`; 0: never (connections.max.reauth.ms, KIP-368).
  Sasl(const auth::Access* access, const Channel* channel, const Clock& clock,
       int64_t max_reauth_ms)
      : access_(access), channel_(channel), clock_(clock), max_reauth_ms_(max_reauth_ms) {}

  // Whether its requests are answered.
  bool is_admitted() const { return is_admitted_ || !access_ || access_->is_open(); }
  // Who has been let in; ANONYMOUS before. What somebody claims to be is nobody's name until it has been shown.
  const std::string& user() const { return user_; }
  const std::string& claimed_user() const { return claimed_; }

  // Whether a request may be answered now: fails with InvalidAuthorization, and the connection ends.
  Status admit(int16_t api_key);

  // Whether its rights are asked about; else it may do everything.
  bool has_limits() const { return access_ && !access_->is_open(); }
  // Tells its user apart from one that was made later under the same name.
  uint64_t incarnation() const { return incarnation_; }

  static std::span<const std::string_view> mechanisms();
  // Whether an exchange may begin: one for each connection, before it is let in, and any number behind that where
  // sessions expire.
  bool may_choose() const {
    if (!access_) return false;
    return is_admitted_ ? expires_us_ && !is_again_ : mechanism_ == Mechanism::None;
  }
  // False: the mechanism does not exist, or is not that of the first exchange.
  bool choose(std::string_view mechanism);
  // Whether the exchange that was begun goes on.
  bool awaits_step() const { return mechanism_ != Mechanism::None && (!is_admitted_ || is_again_); }
  // How long the client is let in from the end of its exchange on, in ms; 0: without end.
  int64_t session_lifetime_ms() const { return expires_us_ ? max_reauth_ms_ : 0; }

  // What SaslAuthenticate brings. PLAIN's password is checked by whoever asks, aside, since that takes a while; then
  // finish() follows. Fails with ProtocolViolation, InvalidAuthorization, InvalidPassword.
  struct Step {
    std::string answer = {};
    std::optional<std::string> password = {};  // to be checked, of claimed_user()
  };
  Result<Step> step(std::string_view token);
  // The user is who it says it is.
  Status finish();
  const auth::Access& access() const { return *access_; }

 private:
  enum class Mechanism : uint8_t { None, Plain, Sha256, Sha512 };
  Result<Step> step_plain(std::string_view token);
  Result<Step> step_scram(std::string_view token);
  // From now on the user is this one, if the rules let it in.
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
  bool is_again_ = false;                   // an exchange of a client that is let in
  std::optional<int64_t> expires_us_ = {};  // none: the session does not expire
};

}  // namespace server::kafka
