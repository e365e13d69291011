// Parses texts to syntax trees. All users of the grammar call these functions.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"

namespace engine {

// Returns the statements of a script in order; blanks, comments and bare semicolons are no
// statements. The text is parsed as a whole, so an error anywhere prevents all of its statements
// from running. Positions are those in the whole text.
//
// Fails with SyntaxError, which has a position, PostgreSQL's message (`syntax error at "SELEC"`), a
// hint if a good one exists, and ksqlDB's message (`line 1:1: Syntax error at or near 'SELEC' at
// line 1:1 ...`) for the runner of ksqlDB's test cases. Fails with InvalidEncoding if the text is
// not UTF-8, with LimitExceeded if a statement is nested too deeply or too long, and with
// QueryCanceled soon after the flag is set.
//
// Threads: any; no thread waits for another. Each thread learns the grammar separately
//          (recognizers.h), so its first statement of a kind takes about a millisecond. Later, a
//          short INSERT takes about 10 us, and each further row 6 us.
Result<std::vector<ParsedStatement>> parse_script(std::string_view text,
                                                  const std::atomic<bool>* is_cancelled = nullptr);

// Parses a text that is exactly one expression.
Result<ExpressionPtr> parse_expression(std::string_view text);

// Parses a text that is exactly one type: `ARRAY<STRUCT<A INT>>`.
Result<TypeName> parse_type(std::string_view text);

// Returns the text with each ${name} replaced, also in comments and string literals, as in ksqlDB.
// The letter case of names is ignored. Unknown names are left as they are. Fails with LimitExceeded
// if the result would be longer than `max_bytes`, or if the text has more than
// kMaxVariableReferences references.
inline constexpr size_t kMaxVariableReferences = 100'000;  // these take some milliseconds
Result<std::string> substitute_variables(std::string_view text,
                                         const std::map<std::string, std::string>& variables,
                                         size_t max_bytes);

}  // namespace engine
