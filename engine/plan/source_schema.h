// Converts the columns that CREATE and ALTER declare to a schema, and checks them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "engine/types/schema.h"

namespace engine {

// How the types of declared columns are read. OfPostgres: TIMESTAMP has no time zone, and clients
// of PostgreSQL see REAL and VARCHAR(n) as they were declared. OfDialect: TIMESTAMP is a point in
// time, and the other types become DOUBLE and STRING. SMALLINT keeps its range in both.
enum class ColumnTypes : uint8_t { OfDialect, OfPostgres };
// Returns the schema of declared columns: keys first, then the others in the order of the text. Fails with
// DuplicateColumn, with UndefinedObject if a type is unknown, with InvalidStatement if a name is reserved or a
// HEADERS column has a wrong type, and with LimitExceeded (kMaxRowFields).
Result<Schema> read_schema(std::span<const TableElement> elements, const CustomTypes& types,
                           ColumnTypes column_types = ColumnTypes::OfDialect);

// Checks the names and sizes of columns that no statement has declared, as read_schema() does.
Status check_columns(const Schema& schema);

// Returns the type of a declared column.
Result<SqlType> read_column_type(const TypeName& name, const CustomTypes& types,
                                 ColumnTypes column_types);

// Returns a notice about columns whose declared lengths are not checked: in the dialect, VARCHAR(n)
// and CHAR(n) are stored as VARCHAR.
// Returns nothing if no column has such a length.
std::optional<std::string> unchecked_limits(std::span<const TableElement> elements,
                                            const CustomTypes& types);

}  // namespace engine
