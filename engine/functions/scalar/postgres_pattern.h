// Translates PostgreSQL's regular expressions ("advanced" ones) to ICU's syntax.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// Returns the pattern preceded by the options in the form that in_words_of_icu() reads. The options are the letters i,
// c, n, m, p, s, w, x, q and t; any other letter fails with InvalidParameter.
Result<std::string> with_options(std::string_view options, std::string_view pattern);

// Translates the pattern. Compile the result with UREGEX_DOTALL. ICU takes the first alternative that matches,
// PostgreSQL the longest one.
std::string in_words_of_icu(std::string_view pattern);

}  // namespace engine
