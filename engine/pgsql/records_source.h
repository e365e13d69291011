// FROM RECORDS('topic', ...), see engine/sql/records_call.h. Private to this folder.
#pragma once
#include "base/result.h"
#include "engine/sql/ast.h"

namespace engine::pgsql {

// Converts the call to a SELECT from the system table of records. `named` has the alias and the position. Fails with
// InvalidParameter and SyntaxError.
Result<AliasedSource> records_source(FunctionCall& call, AliasedSource named);

}  // namespace engine::pgsql
