// Opens the check of clients' tokens, with the keys that the settings sasl-oauthbearer-* name.
#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "server/auth/oauth/token_checker.h"
#include "server/node/settings.h"

namespace server {

// Checks that the settings of tokens fit together. Fails with InvalidParameter.
Status check_tokens(const NodeSettings::Tokens& settings);

// Returns the checker, or null if the settings name neither keys nor a secret. A file of keys is
// read at once, and the start fails if it is not valid; a server that sends keys need not be
// available at the start. Fails with InvalidParameter.
Result<std::unique_ptr<auth::oauth::TokenChecker>> open_tokens(const NodeSettings::Tokens& settings,
                                                               const Clock& clock);

}  // namespace server
