// Types with a length as the dialect's grammar reads them, by the names of PostgreSQL's types.
#pragma once
#include "engine/sql/ast_name.h"

namespace engine {

// VARCHAR(3) and CHAR are texts in the dialect; as PostgreSQL has them they have a length, CHAR and BIT that of CHAR(1).
TypeName with_postgres_lengths(TypeName name);

}  // namespace engine
