// The columns that CREATE and ALTER declare, checked and made a schema.
#pragma once
#include <span>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// Keys first, the others in the order of the text. Fails with DuplicateColumn, with UndefinedObject
// on an unknown type, and with InvalidStatement on a reserved name or a HEADERS column of a wrong
// type, and with LimitExceeded (kMaxRowFields).
Result<Schema> read_schema(std::span<const TableElement> elements, const CustomTypes& types);

// Of columns that a statement did not declare: the same checks of names and sizes.
Status check_columns(const Schema& schema);

}  // namespace engine
