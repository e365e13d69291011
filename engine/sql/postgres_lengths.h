// Converts types with a length, as the dialect's grammar reads them, to PostgreSQL's types.
#pragma once
#include "engine/sql/ast_name.h"

namespace engine {

// Returns the type that the name means in PostgreSQL. There, VARCHAR(3) and CHAR limit the length of a text; in the
// dialect they do not. CHAR and BIT without a length get the length 1. The parts of the type are converted, too.
TypeName with_postgres_lengths(TypeName name);

}  // namespace engine
