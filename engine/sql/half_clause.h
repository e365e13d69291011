// Detects the words EMIT, CHANGES and FINAL after a relation in FROM if the rest of their clause is missing.
// Both parsers would take such a word for an alias. A statement that was meant to follow the
// changes would then return only the present rows, without a message.
#pragma once
#include <string_view>

#include "engine/types/ascii.h"

namespace engine {

// Returns the hint for this word as an alias without AS; empty if the word may be such an alias.
inline std::string_view half_clause_hint(std::string_view word) {
  if (equals_ignoring_case(word, "EMIT"))
    return "EMIT CHANGES follows the changes, and EMIT FINAL returns each window when it closes. A "
           "SELECT without EMIT returns the present rows. As an alias the word needs AS.";
  if (equals_ignoring_case(word, "CHANGES"))
    return "EMIT CHANGES follows the changes. A SELECT without EMIT returns the present rows. As "
           "an "
           "alias the word needs AS.";
  if (equals_ignoring_case(word, "FINAL"))
    return "EMIT FINAL returns each window when it closes. A SELECT without EMIT returns the "
           "present rows, one for each key of a table. As an alias the word needs AS.";
  return {};
}

}  // namespace engine
