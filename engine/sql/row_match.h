// The alias of the sub-query in the rewritten form of (a, b) IN (SELECT x, y ...), which is EXISTS (SELECT 1 FROM
// (SELECT x, y ...) AS kRowMatch (...) WHERE ... = a AND ... = b).
#pragma once
#include <string_view>

namespace engine {

// A name that a statement cannot contain.
inline constexpr std::string_view kRowMatch = "\x05";

}  // namespace engine
