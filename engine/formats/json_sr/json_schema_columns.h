// Converts a JSON Schema to columns, and columns to a JSON Schema.
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/types/schema.h"

namespace engine {

// Returns the schema for writing the columns: an object with a property for each column, or the bare type of the single
// column. It names Kafka Connect's types in addition to those of JSON.
std::string derive_json_schema(std::span<const ColumnDef> columns, bool wrapped);

// Returns the type of the values that a JSON Schema describes. Fails with InvalidStatement for types that no column can
// hold, and for schemas that do not determine the type.
Result<SqlType> sql_type_of_json_schema(const SchemaText& schema, NameCase names);

}  // namespace engine
