// The base64 of JSON Web Tokens (RFC 7515, section 2).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace server::auth::oauth {

// Decodes base64 of the URL-safe alphabet without padding. Returns nullopt for any other text, and for a text whose
// last character has bits that belong to no byte, so that each value has only one text.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace server::auth::oauth
