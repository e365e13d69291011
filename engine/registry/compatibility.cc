#include "engine/registry/compatibility.h"

namespace engine {

namespace {

// Returns the cost of parsing a schema, which cannot be interrupted. It is greater for Protobuf,
// because its parser makes many small objects.
int64_t cost_of(const SchemaText& text) {
  size_t size = text.text.size();
  for (const SchemaText::Reference& reference : text.references) size += reference.text.size();
  constexpr size_t kStepsOfProtobuf = 4;
  return static_cast<int64_t>(text.kind == SchemaKind::Protobuf ? kStepsOfProtobuf * size : size);
}

}  // namespace

std::vector<std::string> read_problems(const SchemaText& reader, const SchemaText& writer,
                                       Effort& effort) {
  constexpr int64_t kAtLeast = 1000;
  if (!effort.spend(kAtLeast + cost_of(reader) + cost_of(writer))) return {};
  if (reader.kind != writer.kind)
    return {"the schemas are of the types " + std::string(schema_kind_name(reader.kind)) + " and " +
            std::string(schema_kind_name(writer.kind))};
  switch (reader.kind) {
    case SchemaKind::Avro:
      return avro_read_problems(reader, writer, effort);
    case SchemaKind::Json:
      return json_read_problems(reader, writer, effort);
    case SchemaKind::Protobuf:
      return protobuf_read_problems(reader, writer, effort);
  }
  return {};
}

}  // namespace engine
