// The setting search_path: a list of schema names, of which only existing schemas count.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace server::sql {

// Splits the list: "a, "B", 'c'" gives a, B and c. Quotes are removed, unquoted names become lower
// case, empty names are omitted.
std::vector<std::string> names_of_search_path(std::string_view path);

// Returns those names of the path that are schemas of every database. `"$user"` is omitted, because
// no user has a schema of its own.
std::vector<std::string> schemas_of_search_path(std::string_view path);

}  // namespace server::sql
