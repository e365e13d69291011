#include "engine/registry/compatibility.h"

namespace engine {

std::vector<std::string> read_problems(const SchemaText& reader, const SchemaText& writer) {
  if (reader.kind != writer.kind)
    return {"the schemas are of the types " + std::string(schema_kind_name(reader.kind)) + " and " +
            std::string(schema_kind_name(writer.kind))};
  switch (reader.kind) {
    case SchemaKind::Avro:
      return avro_read_problems(reader, writer);
    case SchemaKind::Json:
      return json_read_problems(reader, writer);
    case SchemaKind::Protobuf:
      return protobuf_read_problems(reader, writer);
  }
  return {};
}

}  // namespace engine
