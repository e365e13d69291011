// SHA-256 (FIPS 180-4). Its results name values that are too long to be keys. (Passwords and
// signatures use OpenSSL instead: server/auth/digest.h.)
#pragma once
#include <string>
#include <string_view>

namespace engine {

// Returns the 32 bytes of the hash.
std::string sha256(std::string_view bytes);

}  // namespace engine
