// The words EMIT and FINAL after a relation in FROM, without the rest of their clause. Both parsers would take them for
// an alias, and a statement that should follow the changes would return the present rows without a message.
#pragma once
#include <string_view>

#include "engine/types/ascii.h"

namespace engine {

// Returns the hint against the word as an alias without AS; empty if the word can be one.
inline std::string_view half_clause_hint(std::string_view word) {
  if (equals_ignoring_case(word, "EMIT"))
    return "EMIT CHANGES follows the changes, and EMIT FINAL returns each window when it closes. A "
           "SELECT without EMIT returns the present rows. As an alias the word needs AS.";
  if (equals_ignoring_case(word, "FINAL"))
    return "EMIT FINAL returns each window when it closes. A SELECT without EMIT returns the "
           "present rows, one for each key of a table. As an alias the word needs AS.";
  return {};
}

}  // namespace engine
