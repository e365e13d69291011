// Names of users in messages of SASL mechanisms (the saslname of RFC 5801, section 4).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace server::auth {

// Replaces "=2C" and "=3D" by a comma and an equals sign. Returns nullopt if the text contains
// another escape.
std::optional<std::string> decode_sasl_name(std::string_view name);

}  // namespace server::auth
