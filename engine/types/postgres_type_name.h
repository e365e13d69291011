// PostgreSQL's full name of a type.
#pragma once
#include <string>

#include "engine/types/type.h"

namespace engine {

// "timestamp with time zone", "integer[]"; "jsonb" for MAP and STRUCT.
std::string postgres_type_name(const SqlType& type);

}  // namespace engine
