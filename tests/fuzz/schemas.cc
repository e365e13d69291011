// Fuzz target: the text of two schemas, separated by a zero byte; the first byte chooses their kind. They are parsed,
// made into columns, and compared with each other.
#include "engine/formats/format.h"
#include "engine/registry/compatibility.h"
#include "engine/registry/registry.h"

namespace {

void check(engine::SchemaKind kind, const char* format, const std::string& left,
           const std::string& right) {
  const engine::SchemaText one{kind, left}, other{kind, right};
  for (const engine::Side side : {engine::Side::Key, engine::Side::Value}) {
    const engine::FormatSpec spec{.name = format};
    const auto columns = engine::infer_columns(spec, one, side, engine::NameCase::Exact);
    if (!columns || columns->size() > 64) continue;
    (void)engine::make_writer({.name = format, .schema = left}, *columns, side);
  }
  engine::Effort effort({});
  (void)engine::read_problems(one, other, effort);
  engine::SchemaRegistry registry;
  for (const std::string& text : {left, right}) {
    const auto done = registry.register_schema("s", {.kind = kind, .text = text});
    if (done) registry.apply(done->changes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t end = std::min(text.find('\0'), text.size());
  const std::string left = text.substr(0, end), right = text.substr(std::min(end + 1, text.size()));
  switch (data[0] % 3) {
    case 0:
      check(engine::SchemaKind::Avro, "AVRO", left, right);
      break;
    case 1:
      check(engine::SchemaKind::Json, "JSON_SR", left, right);
      break;
    default:
      check(engine::SchemaKind::Protobuf, "PROTOBUF", left, right);
  }
  return 0;
}
