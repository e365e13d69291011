// From where the parser stopped to what the user reads.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/sql/tokens.h"

namespace engine {

// Where a parse stopped.
struct SyntaxFailure {
  size_t token_index;  // of the token that does not fit
  std::string reason;  // ANTLR's words
  // What would have fitted; empty when the parser had looked further ahead than where it could
  // tell.
  antlr4::misc::IntervalSet expected;
};

// Parses the same tokens again; nothing when they fit now.
using Reparse = std::function<std::optional<SyntaxFailure>()>;

// `script` is the whole text. Words that may be misspelt are replaced by near keywords for a trial:
// only a replacement that lets the parser get further is suggested.
Error syntax_error(const SyntaxFailure& failure, StatementTokens& tokens, std::string_view script,
                   const Reparse& reparse);

// `syntax error at "X"` at a token that the grammar allows and the dialect does not, with the
// reason that ksqlDB gives.
Error syntax_error_at(const antlr4::Token& token, std::string hint = {},
                      const std::string& ksqldb_reason = {});

// A text of the wrong form inside a statement that parses, in ksqlDB's words: `message` is shown,
// `detail` gets its place as ksqlDB gives it.
Error statement_error(const antlr4::Token& token, std::string message);

}  // namespace engine
