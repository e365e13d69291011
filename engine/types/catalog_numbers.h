// The numbers (oids) of objects: PostgreSQL's own for the tables of its catalog, which clients know and use in their
// queries, and numbers derived from names for objects made here.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// The number of the catalog table with this name, in lower case and without its schema; nothing for other tables.
std::optional<int64_t> catalog_number(std::string_view table);

// The number of a user's object. Two names may have the same number. The catalog's listings then use consecutive
// numbers (engine/system_tables/catalog_objects.h), but the numbers in the description of a result do not take that
// into account.
int64_t object_number(std::string_view kind, std::string_view name);
// The kind of streams and tables.
inline constexpr std::string_view kRelationNumbers = "relation";

}  // namespace engine
