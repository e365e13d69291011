// How deep the tree of a long text can be, before libpg_query descends it by a recursion that nothing else bounds.
#pragma once
#include <string>

#include "base/result.h"

namespace engine::pgsql {

// Fails with LimitExceeded where the text has more words than kMaxPostgresWords, or so many of them between two commas, within
// all the brackets around them, that its tree might be deeper than a thread's stack; with SyntaxError where it has no words.
Status check_nesting(const std::string& text);

}  // namespace engine::pgsql
