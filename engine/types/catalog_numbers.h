// The numbers (oids) of objects. Tables of PostgreSQL's catalog have PostgreSQL's own numbers, which clients use in
// their queries; users' objects have numbers that are derived from their names.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Returns the number of the catalog table with this name, in lower case and without its schema; nothing for other
// tables.
std::optional<int64_t> catalog_number(std::string_view table);

// Returns the number of a user's object. Two names may give the same number. The system tables then
// use the next free number for the second object (engine/system_tables/catalog_objects.h).
// Descriptions of results always use the number that this function returns.
int64_t object_number(std::string_view kind, std::string_view name);
// The `kind` of streams and tables.
inline constexpr std::string_view kRelationNumbers = "relation";

}  // namespace engine
