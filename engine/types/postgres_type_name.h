// Names types as PostgreSQL does.
#pragma once
#include <string>

#include "engine/types/type.h"

namespace engine {

// Returns PostgreSQL's full name of the type: "timestamp with time zone", "integer[]", "jsonb" for
// MAP and STRUCT.
std::string postgres_type_name(const SqlType& type);

}  // namespace engine
