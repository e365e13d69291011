// Finds syntax of other systems that the dialect does not have, and returns hints that name the form to write instead.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "engine/sql/tokens.h"

namespace engine {

// `at` is the token at which the parser stopped. If a known construct of another system contains
// this token or ends directly before it, returns the first token of the construct and the
// construct's hint. In a CREATE, the construct may also come after the token. Returns nothing if no
// construct is known.
std::optional<std::pair<size_t, std::string>> foreign_construct(size_t at, StatementTokens& tokens);

// Returns the hint for a CREATE TABLE of MySQL, which has names in backquotes and options of columns or tables that only
// PostgreSQL's grammar accepts: the same statement in PostgreSQL's form. `at` is the token at which the parser stopped.
// Returns an empty text for all other statements.
std::string table_of_mysql(size_t at, StatementTokens& tokens);

struct ForeignStatement {
  std::string hint;
  bool is_vague;  // a suggestion for a misspelt keyword is more probable
};

// Returns the hint if the first words of a statement are those of another system; nothing if the
// words are not known.
std::optional<ForeignStatement> foreign_statement(size_t at, StatementTokens& tokens);

}  // namespace engine
