// The parser rewrites (a, b) IN (SELECT x, y ...) to EXISTS (SELECT 1 FROM (SELECT x, y ...) AS
// kRowMatch (...) WHERE ... = a AND ... = b). This is the alias of the nested query.
#pragma once
#include <string_view>

namespace engine {

// A name that a statement cannot contain.
inline constexpr std::string_view kRowMatch = "\x05";

}  // namespace engine
