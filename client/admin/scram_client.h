// The client's side of SCRAM (RFC 5802, RFC 7677), without a socket. It takes the server's messages and returns the
// client's.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

enum class ScramHash : uint8_t { Sha256, Sha512 };

// Call first(), final() and check() in this order, each once.
class ScramClient {
 public:
  // `nonce` must be new for each exchange, printable and without commas.
  ScramClient(ScramHash hash, std::string_view user, std::string password, std::string nonce);

  std::string first() const;
  // Answers the server's first message. Fails with ProtocolViolation if the message is malformed or its number of
  // rounds is refused.
  Result<std::string> final(std::string_view server_first);
  // Checks the server's final message. Fails with InvalidAuthorization if the server does not know
  // the password.
  Status check(std::string_view server_final) const;

 private:
  const ScramHash hash_;
  const std::string first_bare_, password_, nonce_;
  std::string server_signature_;
};

std::string new_client_nonce();

}  // namespace client
