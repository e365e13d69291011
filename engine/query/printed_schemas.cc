#include "engine/query/printed_schemas.h"

#include <utility>

#include "engine/types/text_json.h"

namespace engine {

namespace {

// Limit for the schemas in the cache, so that a topic with arbitrary schema ids does not fill the
// memory.
constexpr size_t kMostKnown = 64;

std::string_view format_of(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::Avro:
      return "AVRO";
    case SchemaKind::Protobuf:
      return "PROTOBUF";
    case SchemaKind::Json:
      return "JSON_SR";
  }
  return "";
}

}  // namespace

std::optional<SchemaPrinter::Shown> SchemaPrinter::show(std::string_view bytes) {
  std::string_view rest = bytes;
  const std::optional<int32_t> id = take_schema_header(rest);
  const SchemaTextPtr schema = id ? schemas_.find_schema(*id) : nullptr;
  if (schema == nullptr) return std::nullopt;
  // The payload of a JSON record is already readable text.
  if (schema->kind == SchemaKind::Json) return Shown{"JSON_SR", std::string(rest)};
  const Known& of = known(*id, *schema);
  if (of.reader == nullptr) return std::nullopt;
  std::vector<std::unique_ptr<Column>> columns;
  std::vector<Column*> outs;
  for (const ColumnDef& column : of.columns) {
    columns.push_back(std::make_unique<Column>(column.type));
    outs.push_back(columns.back().get());
  }
  RowStatus status;
  const std::optional<std::string_view> payload = bytes;
  of.reader->read(std::span(&payload, 1), outs, status);
  if (status.errors > 0) return std::nullopt;
  Shown shown{of.format, {}};
  if (!of.is_wrapped) {
    append_json_value(shown.text, *columns.front(), 0);
    return shown;
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    shown.text += i == 0 ? "{" : ",";
    append_json_string(shown.text, of.columns[i].name);
    shown.text += ":";
    append_json_value(shown.text, *columns[i], 0);
  }
  shown.text += columns.empty() ? "{}" : "}";
  return shown;
}

const SchemaPrinter::Known& SchemaPrinter::known(int32_t id, const SchemaText& schema) {
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  if (known_.size() == kMostKnown) known_.clear();
  return known_.emplace(id, open(schema)).first->second;
}

SchemaPrinter::Known SchemaPrinter::open(const SchemaText& schema) const {
  Known made{format_of(schema.kind)};
  FormatSpec spec{.name = std::string(made.format)};
  auto columns = infer_columns(spec, schema, side_, NameCase::Exact);
  if (!columns) return made;
  made.columns = *std::move(columns);
  // A schema that is a single value and not a record type becomes one column, whose name is
  // generated.
  const bool is_bare = made.columns.size() == 1 &&
                       (made.columns[0].name == "ROWVAL" || made.columns[0].name == "ROWKEY");
  made.is_wrapped = !is_bare;
  if (is_bare) spec.wrap_single = false;
  auto reader = make_reader(spec, made.columns, side_, {}, &schemas_);
  if (reader) made.reader = *std::move(reader);
  return made;
}

}  // namespace engine
