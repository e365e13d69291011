// Converts a JSON Schema to columns, and columns to a JSON Schema.
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/types/schema.h"

namespace engine {

// Returns the schema in which the columns are written: an object with a property for each column,
// or the type of the single column. It contains the names of Kafka Connect's types in addition to
// JSON's own types.
std::string derive_json_schema(std::span<const ColumnDef> columns, bool wrapped);

// Returns the type of the values that a JSON Schema describes. Fails with InvalidStatement for types that no column can
// hold, and for schemas that do not determine the type.
Result<SqlType> sql_type_of_json_schema(const SchemaText& schema, NameCase names);

}  // namespace engine
