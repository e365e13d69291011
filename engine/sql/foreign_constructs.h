// Syntax that other systems have and the dialect does not, with what to write instead.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

#include "engine/sql/tokens.h"

namespace engine {

// The first token of a construct in which, or directly after which, the parser stopped, and its hint. `at` is the token at
// which the parser stopped. Returns nothing if the tokens are not a known construct.
std::optional<std::pair<size_t, std::string_view>> foreign_construct(size_t at,
                                                                     StatementTokens& tokens);

// The hint for a statement whose first words are those of another system; empty if they are not known.
std::string_view foreign_statement(size_t at, StatementTokens& tokens);

}  // namespace engine
