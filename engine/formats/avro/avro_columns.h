// Columns out of an Avro schema, and an Avro schema out of columns.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/types/schema.h"

namespace engine {

enum class NameCase : uint8_t;

// The column type that holds values of an Avro type; nulls are always possible. A union of several
// types is a STRUCT with a field for each. Fails with InvalidStatement on types that refer to
// themselves and on what no column can hold.
Result<SqlType> sql_type_of(const AvroType& type, NameCase names);

// As it names fields of records: what Avro does not allow in a name becomes _.
std::string avro_field_name(std::string_view column);

// The name of the record in which values are written, unless the statement gives another.
inline constexpr std::string_view kDefaultAvroName =
    "io.confluent.ksql.avro_schemas.KsqlDataSourceSchema";

// The schema in which the columns are written: a record with a field for each, or the bare type of
// the only one. `full_name` is the record's; empty: the default.
std::string derive_avro_schema(std::span<const ColumnDef> columns, bool wrapped,
                               std::string_view full_name);

}  // namespace engine
