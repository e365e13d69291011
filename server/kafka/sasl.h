// How a Kafka client shows who it is: SASL's PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 over the users that SQL has too, or
// the certificate of its TLS.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

  // Both null: everybody may do everything, and there are no users.
  Sasl(const auth::Access* access, const Channel* channel) : access_(access), channel_(channel) {}

  bool has_users() const { return access_ != nullptr; }
  // Whether its requests are answered.
  bool is_admitted() const { return is_admitted_ || !access_ || access_->is_open(); }
  const std::string& user() const { return user_; }

  // Whether a request may be answered now: fails with InvalidAuthorization, and the connection ends.
  Status admit(int16_t api_key);

  static std::span<const std::string_view> mechanisms();
  // False: there is no such mechanism.
  bool choose(std::string_view mechanism);
  bool has_chosen() const { return mechanism_ != Mechanism::None; }

  // What SaslAuthenticate brings. PLAIN's password is checked by whoever asks, aside, since that takes a while; then
  // finish() follows. Fails with ProtocolViolation, InvalidAuthorization, InvalidPassword.
  struct Step {
    std::string answer = {};
    std::optional<std::string> password = {};  // to be checked, of user()
  };
  Result<Step> step(std::string_view token);
  // The user is who it says it is.
  Status finish();
  const auth::Access& access() const { return *access_; }

 private:
  enum class Mechanism : uint8_t { None, Plain, Sha256, Sha512 };
  Result<Step> step_plain(std::string_view token);
  Result<Step> step_scram(std::string_view token);
  Status check_may_come_in() const;

  const auth::Access* const access_;
  const Channel* const channel_;
  Mechanism mechanism_ = Mechanism::None;
  std::optional<auth::ScramServer> scram_;
  std::string user_{kAnonymous};
  bool is_admitted_ = false;
};

}  // namespace server::kafka
