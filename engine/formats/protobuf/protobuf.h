// Implements the formats PROTOBUF and PROTOBUF_NOSR, in which a record is the bytes of a message.
// In PROTOBUF, the id of the schema and the indexes of the message within the schema precede these
// bytes.
#pragma once
#include <memory>

#include "engine/formats/format.h"
#include "engine/formats/schema/reader_of_schemas.h"

namespace engine {

// Makes a reader of the records of one schema, which begin with the indexes of their message.
Result<std::unique_ptr<SchemaReader>> make_protobuf_schema_reader(const SchemaText& schema,
                                                                  const ReadColumns& columns,
                                                                  std::string_view full_name);
// Makes a reader for records that are a bare message: the message `full_name`, or the schema's
// first.
Result<std::unique_ptr<SchemaReader>> make_bare_protobuf_reader(const SchemaText& schema,
                                                                const ReadColumns& columns,
                                                                std::string_view full_name);

struct ProtobufWriting {
  int32_t id = 0;
  std::string full_name = {};  // full name of the message; empty: the first message of the schema
  bool has_header = true;
  bool wrapped = true;
  Side side = Side::Value;
};
// Makes a writer. Fails with InvalidStatement if the schema cannot hold the columns; the message
// names the column and the reason.
Result<std::unique_ptr<Writer>> make_protobuf_writer(const SchemaText& schema,
                                                     std::span<const ColumnDef> columns,
                                                     const ProtobufWriting& writing);

}  // namespace engine
