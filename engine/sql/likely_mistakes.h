// Finds parts of a statement that are valid, but whose result is rarely the intended one.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast.h"

namespace engine {

struct LikelyMistake {
  std::string message, hint;
  bool operator==(const LikelyMistake&) const = default;
};

// Returns the likely mistakes of a SELECT, of the query of a definition, and of UPDATE and DELETE, each once, at most
// four. Finds comparisons with NULL, patterns of times with a letter of another meaning, and times in milliseconds that
// a function reads as seconds. Literal rows (VALUES) are not searched.
std::vector<LikelyMistake> likely_mistakes(const Statement& statement);

}  // namespace engine
