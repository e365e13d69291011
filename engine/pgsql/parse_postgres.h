// Statements that PostgreSQL's tools send and the dialect's own grammar does not take.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"

namespace engine {

// libpg_query descends once a level of the tree; of so many bytes no tree is deeper than the stack of a thread. Of a longer text the
// words are looked at before.
inline constexpr size_t kShortPostgresText = 16 * 1024;
inline constexpr size_t kMaxPostgresWords = 200'000;

// As parse_script(), by PostgreSQL's own parser, which is libpg_query: SELECTs, EXPLAIN or PREPARE of one, and what defines
// and changes tables. Fails with SyntaxError where
// PostgreSQL would or where one is something else, with LimitExceeded when a long text has more words than above or may be nested
// too deeply, and with NotSupported, and a position, where the syntax tree has no place for what is there.
//
// Threads: any.
Result<std::vector<ParsedStatement>> parse_postgres(std::string_view text);

// Where the statements of a script begin and how long they are, as PostgreSQL's scanner cuts them; empty where it does not.
struct ScriptPart {
  size_t begin, size;
};
std::vector<ScriptPart> split_postgres(std::string_view text);

}  // namespace engine
