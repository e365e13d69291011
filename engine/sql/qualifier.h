// Compares the name before the dot in `orders.id` and `orders.*` with the aliases of sources.
#pragma once
#include <algorithm>
#include <string_view>

#include "engine/sql/ast_name.h"
#include "engine/types/ascii.h"

namespace engine {

// Returns whether the qualifier means the source with this alias although their texts differ.
// PostgreSQL folds names without quotes to lower case, and Millrace to upper case. So in
// PostgreSQL's front end `"orders"` and `orders` mean the same alias, whichever of them the
// qualifier or the alias is. A name in backquotes is exact. The caller prefers an alias with
// exactly the same text.
inline bool is_folded_alias(const Name& qualifier, std::string_view alias) {
  if (qualifier.quoting == Quoting::Back || qualifier.text.size() != alias.size()) return false;
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const std::string_view text = qualifier.text;
  const bool is_one_case =
      (std::ranges::none_of(text, is_upper) && std::ranges::none_of(alias, is_lower)) ||
      (std::ranges::none_of(text, is_lower) && std::ranges::none_of(alias, is_upper));
  const auto is_same = [](char a, char b) { return ascii_lower(a) == ascii_lower(b); };
  return is_one_case && std::ranges::equal(text, alias, is_same);
}

}  // namespace engine
