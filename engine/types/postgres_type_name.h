// What PostgreSQL calls a type where it spells it out.
#pragma once
#include <string>

#include "engine/types/type.h"

namespace engine {

// "timestamp with time zone", "integer[]"; of MAP and STRUCT "jsonb".
std::string postgres_type_name(const SqlType& type);

}  // namespace engine
