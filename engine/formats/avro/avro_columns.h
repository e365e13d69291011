// Derives columns from an Avro schema, and an Avro schema from columns.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/types/schema.h"

namespace engine {

enum class NameCase : uint8_t;

// Returns the column type for values of an Avro type; each value may also be null. A union of
// several types becomes a STRUCT with one field for each type. Fails with InvalidStatement for
// types that refer to themselves, and for types that no column can hold.
Result<SqlType> sql_type_of(const AvroType& type, NameCase names);

// Returns the name of the field for a column. Characters that Avro does not allow in a name become
// _.
std::string avro_field_name(std::string_view column);

// The name of the record in which values are written, unless the statement names another.
inline constexpr std::string_view kDefaultAvroName =
    "io.confluent.ksql.avro_schemas.KsqlDataSourceSchema";

// Returns the schema in which the columns are written: a record with a field for each column, or
// the bare type of the only column. `full_name` is the name of the record; empty: the default.
std::string derive_avro_schema(std::span<const ColumnDef> columns, bool wrapped,
                               std::string_view full_name);

}  // namespace engine
