// Columns out of a JSON Schema, and a JSON Schema out of columns.
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/types/schema.h"

namespace engine {

// The schema in which the columns are written: an object with a property for each, or the bare type of
// the only one, with Kafka Connect's types beside those of JSON.
std::string derive_json_schema(std::span<const ColumnDef> columns, bool wrapped);

// The type of the values that a JSON Schema describes. Fails with InvalidStatement on what no column
// can hold, and on schemas that leave open what the values are.
Result<SqlType> sql_type_of_json_schema(const SchemaText& schema, NameCase names);

}  // namespace engine
