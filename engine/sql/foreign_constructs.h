// Finds syntax of other systems that the dialect does not have, and returns hints for what to write instead.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

#include "engine/sql/tokens.h"

namespace engine {

// Returns the first token of the construct that contains the token at which the parser stopped, or is directly before
// it, and the construct's hint. `at` is the token at which the parser stopped. In a CREATE the construct may also be
// behind this token. Returns nothing if the tokens are not a known construct.
std::optional<std::pair<size_t, std::string_view>> foreign_construct(size_t at,
                                                                     StatementTokens& tokens);

struct ForeignStatement {
  std::string_view hint;
  bool is_vague;  // a suggestion for a misspelt keyword is more probable
};

// Returns the hint for a statement whose first words are those of another system; nothing if the words are not known.
std::optional<ForeignStatement> foreign_statement(size_t at, StatementTokens& tokens);

}  // namespace engine
