// The keywords of PostgreSQL 15, grouped by the places where they may be used as names. Clients that quote names query
// this list.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace engine {

struct PostgresKeywords {
  std::string_view category, description;  // catcode and catdesc of pg_get_keywords()
  bool is_bare_label;                      // true: the word may name a column without AS
  std::string_view words;                  // the keywords, separated by one blank
};

std::span<const PostgresKeywords> postgres_keywords();

// Returns whether a name means the same with and without quotes. Such a name has no upper-case letters and is not a
// reserved keyword of any category.
bool is_postgres_name(std::string_view text);
// Returns the name as quote_ident() prints it: "order", "User", id.
std::string quoted_postgres_name(std::string_view name);

}  // namespace engine
