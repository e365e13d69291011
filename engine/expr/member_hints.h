// Hints about members of a text of JSON and fields of a STRUCT that a statement writes in the notation of another system.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "engine/types/type.h"

namespace engine {

// Returns how to read a member of `text`, a column of VARCHAR, for example of a.b:
// PAYLOAD->'a'->>'b'. `path` has at least one name.
std::string hint_for_members(std::string_view text, std::span<const std::string> path);

// Returns how to read a field of `structure`, an expression of the type STRUCT: ADDR->CITY. The field may be written in
// another letter case. If the type has no such field, the hint names the notation only.
std::string hint_for_field(std::string_view structure, const SqlType& type, std::string_view field);

// Returns whether the function is an aggregate of another system that has another name here.
bool is_foreign_aggregate(std::string_view name);

}  // namespace engine
