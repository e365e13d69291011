// Composes the errors for the places where the parser stopped.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/sql/tokens.h"

namespace engine {

// The place where a parse stopped.
struct SyntaxFailure {
  size_t token_index;  // index of the token that does not fit
  std::string reason;  // the reason in ANTLR's words
  // The tokens that the parser would have accepted. Empty if the parser had already looked so far
  // ahead that they cannot be determined.
  antlr4::misc::IntervalSet expected;
};

// Parses the same tokens again; returns nothing if they are accepted now.
using Reparse = std::function<std::optional<SyntaxFailure>()>;

// Returns the error for a failed parse. `script` is the whole text. The function replaces words
// that may be misspelt by similar keywords and parses again; it suggests a replacement only if the
// parser gets further with it.
Error syntax_error(const SyntaxFailure& failure, StatementTokens& tokens, std::string_view script,
                   const Reparse& reparse);

// Returns `syntax error at "X"` for a token that the grammar accepts, but the dialect does not,
// with ksqlDB's reason.
Error syntax_error_at(const antlr4::Token& token, std::string hint = {},
                      const std::string& ksqldb_reason = {});

// Returns the error for a malformed text within a valid statement. Clients see `message`. The error
// also has the place in the form in which ksqlDB reports it.
Error statement_error(const antlr4::Token& token, std::string message);

}  // namespace engine
