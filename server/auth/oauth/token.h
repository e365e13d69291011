// Checks JSON Web Tokens: their signature (RFC 7515) and their claims (RFC 7519), by the advice of RFC 8725.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/auth/oauth/key_set.h"

namespace server::auth::oauth {

// A longer token is refused before it is parsed.
inline constexpr size_t kMostTokenBytes = 32 * 1024;

// The conditions for a token, from the settings sasl-oauthbearer-*.
struct TokenRules {
  std::vector<std::string> audiences = {};  // `aud` must contain one of them; empty: any
  std::string issuer = {};                  // required value of `iss`; empty: any issuer
  int64_t clock_skew_s = 30;                // largest accepted difference to the issuer's clock
  std::string user_claim = "sub";           // the claim with the name of the user
  // The secret of HS256, of at least kLeastSecretBytes. Empty: HS256 is refused.
  std::string secret = {};
};

// The identity that a valid token proves.
struct Grant {
  std::string user;
  // `exp` in ms since 1970-01-01 UTC; if `exp` has already passed, `exp` plus the clock skew
  int64_t expires_ms;
};

// The result of a check. `lacks_key` is set if the token names a key id that is not in the key set:
// the issuer may have added the key after the server fetched the key set.
struct Verdict {
  Result<Grant> grant;
  bool lacks_key = false;
};

// Checks a token. `keys` is null while the server has none. `now_ms` is the time since 1970-01-01 UTC. The error is
// InvalidAuthorization, names the rule that the token violates, and contains no part of the token.
Verdict check_token(std::string_view token, const TokenRules& rules, const KeySet* keys,
                    int64_t now_ms);

}  // namespace server::auth::oauth
