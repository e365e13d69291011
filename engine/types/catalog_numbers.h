// The numbers of objects: those that PostgreSQL gives the tables of its catalog, which clients know and write into their
// questions, and those of what is made here, which follow from names.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Of the table with this name, in lower case and without its schema; nothing where it is not one of them.
std::optional<int64_t> catalog_number(std::string_view table);

// Of an object of users. Two names may meet in one number: among all that the catalog lists, those take turns
// (engine/system_tables/catalog_objects.h), which what is told beside a result does not look at.
int64_t object_number(std::string_view kind, std::string_view name);
// The kind of streams and tables.
inline constexpr std::string_view kRelationNumbers = "relation";

}  // namespace engine
