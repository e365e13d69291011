// Converts the columns that CREATE and ALTER declare to a schema, and checks them.
#pragma once
#include <cstdint>
#include <span>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// Keys first, the others in the order of the text. Fails with DuplicateColumn, with UndefinedObject on an unknown type,
// with InvalidStatement on a reserved name or a HEADERS column of a wrong type, and with LimitExceeded (kMaxRowFields).
// OfPostgres: TIMESTAMP has no time zone, and PostgreSQL's clients see SMALLINT, REAL and VARCHAR(n) as declared.
// OfDialect: TIMESTAMP is a point in time, and the others are INTEGER, DOUBLE and STRING.
enum class ColumnTypes : uint8_t { OfDialect, OfPostgres };
Result<Schema> read_schema(std::span<const TableElement> elements, const CustomTypes& types,
                           ColumnTypes column_types = ColumnTypes::OfDialect);

// Applies the same checks of names and sizes to columns that no statement declared.
Status check_columns(const Schema& schema);

// Returns the type of a declared column.
Result<SqlType> read_column_type(const TypeName& name, const CustomTypes& types,
                                 ColumnTypes column_types);

}  // namespace engine
