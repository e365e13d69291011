// (a, b) IN (SELECT x, y ...), which becomes EXISTS (SELECT 1 FROM (SELECT x, y ...) AS kRowMatch (...) WHERE ... = a AND ... = b).
#pragma once
#include <string_view>

namespace engine {

// No name that a statement can write.
inline constexpr std::string_view kRowMatch = "\x05";

}  // namespace engine
