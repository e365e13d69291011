// The numbers that PostgreSQL gives the tables of its catalog: clients know them, and write them into their questions.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Of the table with this name, in lower case and without its schema; nothing where it is not one of them.
std::optional<int64_t> catalog_number(std::string_view table);

}  // namespace engine
