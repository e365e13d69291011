// Implements the AVRO format: bytes in Avro's binary encoding, preceded by the id of their schema.
#pragma once
#include <memory>

#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/format.h"
#include "engine/formats/schema/reader_of_schemas.h"

namespace engine {

// Makes a reader of the records of one schema.
Result<std::unique_ptr<SchemaReader>> make_avro_schema_reader(const SchemaText& schema,
                                                              const ReadColumns& columns,
                                                              std::string_view full_name);

// Makes a writer of columns in a given schema. It finds the field for each column in the same way
// as a reader does. A field for which no column exists gets its default. Fails with
// InvalidStatement if the schema cannot hold the columns; the message names the column and the
// reason.
Result<std::unique_ptr<Writer>> make_avro_writer(const SchemaText& schema, int32_t id,
                                                 std::span<const ColumnDef> columns, bool wrapped,
                                                 Side side);

}  // namespace engine
