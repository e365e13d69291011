// The messages of SASL OAUTHBEARER (RFC 7628), as Kafka's clients send them (KIP-255).
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace server::auth::oauth {

// The client's first message: "n,a=ann,\x01auth=Bearer TOKEN\x01name=value\x01\x01".
struct BearerMessage {
  // empty: the client does not name a user, and the token determines the user
  std::string authorization_id = {};
  std::string token = {};
};
// Parses the client's first message. Other pairs than `auth`, which are Kafka's SASL extensions, are checked for their
// form and ignored. Fails with ProtocolViolation.
Result<BearerMessage> parse_bearer_message(std::string_view message);

// The server's answer to a token that it refuses (RFC 7628, section 3.2.2). The client acknowledges
// it with the byte 0x01, and then the authentication fails.
inline constexpr std::string_view kInvalidToken = R"({"status":"invalid_token"})";

}  // namespace server::auth::oauth
