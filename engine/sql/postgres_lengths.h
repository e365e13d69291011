// Converts types with a length, as the dialect's grammar reads them, to PostgreSQL's types.
#pragma once
#include "engine/sql/ast_name.h"

namespace engine {

// Returns PostgreSQL's type. VARCHAR(3) and CHAR are texts in the dialect; in PostgreSQL they have a length, and CHAR
// and BIT have the length 1.
TypeName with_postgres_lengths(TypeName name);

}  // namespace engine
