// Finds syntax of other systems that the dialect does not have, and returns hints for what to write instead.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

#include "engine/sql/tokens.h"

namespace engine {

// Returns the first token of the construct in which, or directly after which, the parser stopped, and the construct's
// hint. `at` is the token at which the parser stopped. Returns nothing if the tokens are not a known construct.
std::optional<std::pair<size_t, std::string_view>> foreign_construct(size_t at,
                                                                     StatementTokens& tokens);

// Returns the hint for a statement whose first words are those of another system; an empty text if the words are not
// known.
std::string_view foreign_statement(size_t at, StatementTokens& tokens);

}  // namespace engine
