// The setting search_path: a list of schemas' names, of which those that there are count.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace server::sql {

// "a, "B", 'c'" is a, B and c: quotes are taken off, other names are in lower case. Empty names are left out.
std::vector<std::string> names_of_search_path(std::string_view path);

// Of them, those that are there in every database. `"$user"` is none, since nobody has a schema of its own.
std::vector<std::string> schemas_of_search_path(std::string_view path);

}  // namespace server::sql
