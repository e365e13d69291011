// The server's side of SCRAM (RFC 5802, RFC 7677), without a socket. It takes the client's messages
// and returns the server's.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/verifier.h"

namespace server::auth {

// Limit for a message of the client. Longer messages are refused before they are parsed.
inline constexpr size_t kMaxScramBytes = 4096;

struct ScramOptions {
  Hash hash = Hash::Sha256;
  // True if the client has chosen a mechanism whose name ends with -PLUS.
  bool is_plus = false;
  // The tls-server-end-point of the connection. Empty if -PLUS was not offered.
  std::string channel_binding = {};
  std::string nonce = {};  // the server's part of the nonce; fresh for each exchange
  // Whether finish() accepts a longer nonce that only ends with the nonce of the exchange.
  // librdkafka before 2.6.1 sends the client's part of the nonce twice, and Kafka's brokers accept
  // that.
  bool takes_longer_nonce = false;
};
// Returns 18 random bytes in base64, as PostgreSQL does.
std::string new_scram_nonce();

// One exchange. The caller calls begin(), challenge() and finish() in this order; begin() and
// finish() fail if they are called out of order.
//
// Threads: one. Owner: the session that authenticates.
class ScramServer {
 public:
  explicit ScramServer(ScramOptions options) : options_(std::move(options)) {}

  // Takes client-first-message and returns its user name, which PostgreSQL's clients leave empty.
  // Fails with ProtocolViolation, and with InvalidAuthorization if the channel binding does not
  // match the offer.
  Result<std::string> begin(std::string_view client_first);
  // Returns server-first-message. For a user that does not exist or has no password, the caller
  // passes mock_verifier().
  std::string challenge(Verifier verifier);
  // Returns server-final-message; the client is then authenticated. Fails with ProtocolViolation,
  // and with InvalidPassword for a wrong proof. The caller adds the user's name to the error.
  Result<std::string> finish(std::string_view client_final);

 private:
  enum class Stage : uint8_t { First, Challenge, Final, Over };
  Status check_binding(std::string_view gs2_flag) const;

  const ScramOptions options_;
  Stage stage_ = Stage::First;
  std::string gs2_header_, client_first_bare_, server_first_, nonce_;
  Verifier verifier_;
};

}  // namespace server::auth
