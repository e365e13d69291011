// The client's side of SCRAM (RFC 5802, RFC 7677). This class has no socket: it gets the messages
// of the server, and returns the messages of the client.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

enum class ScramHash : uint8_t { Sha256, Sha512 };

// The caller calls first(), final() and check() in this order, each once.
class ScramClient {
 public:
  // `nonce` must be new for each exchange, printable and without commas.
  ScramClient(ScramHash hash, std::string_view user, std::string password, std::string nonce);

  std::string first() const;
  // Returns the answer to the server's first message. Fails with ProtocolViolation if the message
  // is malformed, or if its number of iterations is outside of the limits.
  Result<std::string> final(std::string_view server_first);
  // Checks the last message of the server. Fails with InvalidAuthorization if it does not prove
  // that the server knows the password.
  Status check(std::string_view server_final) const;

 private:
  const ScramHash hash_;
  const std::string first_bare_, password_, nonce_;
  std::string server_signature_;
};

std::string new_client_nonce();

}  // namespace client
