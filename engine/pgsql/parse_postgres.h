// Parses statements that PostgreSQL's tools send and the dialect's own grammar does not accept.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/sql/public_schema.h"

namespace engine {

// libpg_query recurses once for each level of the syntax tree. The tree of a text up to this size
// always fits the stack of a thread. In a longer text, the words are checked first (nesting.h).
inline constexpr size_t kShortPostgresText = 16 * 1024;
inline constexpr size_t kMaxPostgresWords = 200'000;

// Parses a script as parse_script() does, with PostgreSQL's own parser, libpg_query. Accepts SELECTs, EXPLAIN or
// PREPARE of a SELECT, and statements that define and change tables. Fails with SyntaxError if PostgreSQL would or if a
// statement is of another kind, with LimitExceeded if a long text has more than kMaxPostgresWords words or may be
// nested too deeply, and with NotSupported and a position if the syntax tree cannot represent the statement.
//
// Threads: any.
Result<std::vector<ParsedStatement>> parse_postgres(std::string_view text,
                                                    PublicPrefix prefix = PublicPrefix::Omitted);

// Parses the SELECT of a view with the parser that accepted it when the view was created (View::is_postgres). Fails
// with SyntaxError if the text is not exactly one SELECT.
Result<Query> parse_select(std::string_view text, bool is_postgres);

// The begin and the size of a statement in a script. split_postgres() divides the script with
// PostgreSQL's scanner. If the scanner fails, the result is empty.
struct ScriptPart {
  size_t begin, size;
};
std::vector<ScriptPart> split_postgres(std::string_view text);

}  // namespace engine
