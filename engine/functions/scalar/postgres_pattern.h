// Translates PostgreSQL's regular expressions ("advanced" ones) to ICU's syntax.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// Returns the pattern with the options in front of it, in a form that in_words_of_icu() reads. The
// options are the letters i, c, n, m, p, s, w, x, q and t; any other letter fails with
// InvalidParameter.
Result<std::string> with_options(std::string_view options, std::string_view pattern);

// Translates the pattern. The result must be compiled with UREGEX_DOTALL. One difference remains:
// of several alternatives that match, ICU takes the first and PostgreSQL the longest.
std::string in_words_of_icu(std::string_view pattern);

}  // namespace engine
