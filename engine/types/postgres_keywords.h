// The key words of PostgreSQL 15, by what they may be used for: clients that quote names ask for them.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace engine {

struct PostgresKeywords {
  std::string_view category, description;  // catcode and catdesc of pg_get_keywords()
  bool is_bare_label;                      // whether it may name a column without AS
  std::string_view words;                  // one blank between two
};

std::span<const PostgresKeywords> postgres_keywords();

// Whether a name means the same with and without quotes: neither upper-case letters nor a key word that is reserved in some way.
bool is_postgres_name(std::string_view text);
// As quote_ident() writes it: "order", "User", id.
std::string quoted_postgres_name(std::string_view name);

}  // namespace engine
