// The client's side of the SASL mechanisms PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677), without a socket. It takes
// the server's messages and returns the client's.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/digest.h"

namespace server::auth {

// Returns the only message of PLAIN.
std::string plain_message(std::string_view user, std::string_view password);

// One exchange. The caller calls first(), begin(), work() until it returns true, final() and check() in this order.
//
// Threads: one. Owner: the connection that authenticates.
class ScramClient {
 public:
  // `nonce` is new for each exchange, printable and without commas: new_scram_nonce(). The password is used as it is,
  // without SASLprep, as Kafka's clients do.
  ScramClient(Hash hash, std::string_view user, std::string password, std::string nonce);

  std::string first() const;
  // Reads the server's first message. Fails with ProtocolViolation if the message is malformed, or if its number of
  // rounds is below Kafka's minimum or above kMostIterations.
  Status begin(std::string_view server_first);
  // Computes some of the rounds of the hash, for about a millisecond. Returns whether all rounds are done. The steps
  // are short, because a server chooses the number of rounds, and the thread serves other connections as well.
  bool work();
  std::string final();
  // Checks the server's final message. Fails with InvalidPassword if the server reports an error or does not know the
  // password itself.
  Status check(std::string_view server_final) const;

 private:
  const Hash hash_;
  const std::string first_bare_, password_, nonce_;
  std::string server_first_, whole_nonce_;
  int rounds_left_ = 0;
  std::string round_, salted_;  // the last round, and the sum of all rounds
  std::string server_signature_;
};

}  // namespace server::auth
