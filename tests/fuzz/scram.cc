// Fuzz target: messages of SCRAM clients. No sequence of messages without the password may
// authenticate a client.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/auth/scram.h"

using namespace server::auth;

// The input consists of bits for the kind of exchange, the first message, a zero byte, and the
// second message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool is_plus = (data[0] & 1) != 0, has_channel = (data[0] & 2) != 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const Verifier kVerifier = mock_verifier(Hash::Sha256, "secret", "user");
  ScramServer server(
      {.is_plus = is_plus, .channel_binding = has_channel ? "certificate" : "", .nonce = "nonce"});
  const size_t end = std::min(rest.find('\0'), rest.size());
  if (!server.begin(rest.substr(0, end))) return 0;
  server.challenge(kVerifier);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (server.finish(rest)) std::abort();
  if (server.begin("n,,n=u,r=x") || server.finish(rest)) std::abort();
  parse_verifier(rest);
  return 0;
}
