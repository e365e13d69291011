// FROM RECORDS('topic', ...), see engine/sql/records_call.h. Used by both parsers.
#pragma once
#include "base/result.h"
#include "engine/sql/ast.h"

namespace engine {

// Converts the call to a SELECT from the system table of records. `named` has the alias and the position. Fails with
// InvalidParameter and SyntaxError.
Result<AliasedSource> records_source(FunctionCall& call, AliasedSource named);
// Returns whether a source of FROM is such a call.
bool is_records_call(const AliasedSource& source);

}  // namespace engine
