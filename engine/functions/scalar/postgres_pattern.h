// Regular expressions as PostgreSQL has them ("advanced" ones), in the words of ICU.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// A pattern, options by letter in front of it, as `in_words_of_icu` reads them: i, c, n, m, p, s, w, x, q, t.
// Fails with InvalidParameter on any other letter.
Result<std::string> with_options(std::string_view options, std::string_view pattern);

// To be compiled with UREGEX_DOTALL. Of alternatives that match the first one counts there, to PostgreSQL the longest.
std::string in_words_of_icu(std::string_view pattern);

}  // namespace engine
