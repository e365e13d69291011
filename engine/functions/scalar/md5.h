// The MD5 digest of RFC 1321: for telling texts apart, not for secrets.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace engine {

std::array<uint8_t, 16> md5(std::string_view bytes);

}  // namespace engine
