// Text to syntax tree. The only way into the grammar.
#pragma once
#include <atomic>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"

namespace engine {

// The statements of a script, in order; blanks, comments and bare semicolons alone give none. The
// text is parsed as a whole: an error anywhere means that nothing of it runs. Positions count in
// the whole text.
//
// Fails with SyntaxError, which has a position, the message as PostgreSQL words it (`syntax error
// at "SELEC"`), a hint where there is a good one, and in `detail` ksqlDB's wording (`line 1:1:
// Syntax error at or near 'SELEC' at line 1:1 ...`), which is for the runner of its test cases and
// not for people; with InvalidEncoding when the text is not UTF-8; with LimitExceeded when a
// statement is nested too deeply or too long; with QueryCanceled soon after the flag is set.
//
// Threads: any, and none waits for another: each learns the grammar for itself, so that its first
//          statement of a kind takes about a millisecond. Then a short INSERT takes about 10 us and
//          each row more 6 us.
Result<std::vector<ParsedStatement>> parse_script(std::string_view text,
                                                  const std::atomic<bool>* is_cancelled = nullptr);

// Parses a text that is exactly one expression.
Result<ExpressionPtr> parse_expression(std::string_view text);

// Parses a text that is exactly one type: `ARRAY<STRUCT<A INT>>`.
Result<TypeName> parse_type(std::string_view text);

// The text with each ${name} replaced; names are compared without regard to case, unknown ones
// stay. Comments and string literals are not spared, as in ksqlDB. Fails with LimitExceeded when
// more than `max_bytes` would come out, and when there are more references than below.
inline constexpr size_t kMaxVariableReferences = 100'000;  // some ms
Result<std::string> substitute_variables(std::string_view text,
                                         const std::map<std::string, std::string>& variables,
                                         size_t max_bytes);

}  // namespace engine
