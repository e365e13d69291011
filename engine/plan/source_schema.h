// The columns that CREATE and ALTER declare, checked and made a schema.
#pragma once
#include <cstdint>
#include <span>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// Keys first, the others in the order of the text. Fails with DuplicateColumn, with UndefinedObject
// on an unknown type, and with InvalidStatement on a reserved name or a HEADERS column of a wrong
// type, and with LimitExceeded (kMaxRowFields).
// Declared as PostgreSQL has it, TIMESTAMP has no zone, and SMALLINT, REAL and VARCHAR(n) stay what they are to its clients;
// in the dialect TIMESTAMP is a moment, and the others are INTEGER, DOUBLE and STRING.
enum class ColumnTypes : uint8_t { OfDialect, OfPostgres };
Result<Schema> read_schema(std::span<const TableElement> elements, const CustomTypes& types,
                           ColumnTypes column_types = ColumnTypes::OfDialect);

// Of columns that a statement did not declare: the same checks of names and sizes.
Status check_columns(const Schema& schema);

// The type of a declared column.
Result<SqlType> read_column_type(const TypeName& name, const CustomTypes& types,
                                 ColumnTypes column_types);

}  // namespace engine
