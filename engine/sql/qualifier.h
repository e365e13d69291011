// Names before the dot of `orders.id` and `orders.*`, and the aliases that they mean.
#pragma once
#include <algorithm>
#include <string_view>

#include "engine/sql/ast_name.h"
#include "engine/types/ascii.h"

namespace engine {

// Returns whether the qualifier means the source with this alias although their texts differ. PostgreSQL folds bare
// names to lower case, and Millrace to upper case, so `"orders"` and `orders` mean the same alias in PostgreSQL's
// front end, on either side. A name in backquotes is exact. An alias with exactly the same text has precedence.
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
