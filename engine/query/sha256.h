// SHA-256 (FIPS 180-4), for names of values that are longer than a key may be. Passwords and signatures use OpenSSL
// (server/auth/digest.h).
#pragma once
#include <string>
#include <string_view>

namespace engine {

// Returns the 32 bytes of the hash.
std::string sha256(std::string_view bytes);

}  // namespace engine
