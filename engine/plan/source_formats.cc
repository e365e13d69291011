#include "engine/plan/source_formats.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "engine/formats/format.h"

namespace engine {
namespace {

Error invalid_format(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

const std::string* find(const Properties& properties, const std::string& name) {
  const auto found = properties.find(name);
  return found == properties.end() ? nullptr : &found->second;
}

Status check_properties(const FormatProperties& said, const FormatTraits& format) {
  if (said.delimiter) TRY(validate_delimiter_use(format.name));
  if (!said.full_schema_name) return {};
  if (!format.infers_schema && format.kind != FormatKind::ProtobufNosr)
    return invalid_format(
        fmt::format("{} does not support the following configs: [fullSchemaName]", format.name));
  if (absl::StripAsciiWhitespace(*said.full_schema_name).empty())
    return invalid_format(
        "fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}");
  return {};
}

// Returns the record name of the key's schema: ORDER_ITEMS becomes OrderItemsKey. Each key schema has its own name,
// so that programs that generate classes from schemas can read several topics.
std::string avro_key_name(std::string_view source) {
  std::string name = "io.confluent.ksql.avro_schemas.";
  bool begins_word = true;
  for (const char c : source) {
    const auto byte = static_cast<unsigned char>(c);
    if (c != '_') name += begins_word ? absl::ascii_toupper(byte) : absl::ascii_tolower(byte);
    begins_word = c == '_';
  }
  return name + "Key";
}

Status check_nulls(const FormatProperties& said, const FormatTraits& format) {
  const bool is_protobuf =
      format.kind == FormatKind::Protobuf || format.kind == FormatKind::ProtobufNosr;
  if (!said.nullable_representation || is_protobuf) return {};
  return invalid_format(fmt::format(
      "{} does not support the following configs: [nullableRepresentation]", format.name));
}

Result<FormatSpec> choose(const FormatProperties& said, const FormatSpec& otherwise, Side side,
                          std::string_view source) {
  FormatSpec spec;
  spec.name = said.format.value_or(otherwise.name);
  if (spec.name.empty()) {
    const bool is_key = side == Side::Key;
    return invalid_format(fmt::format(
        "Statement is missing the '{}_FORMAT' property from the WITH clause. Either provide one or "
        "set a default via the 'ksql.persistence.default.format.{}' config.",
        is_key ? "KEY" : "VALUE", is_key ? "key" : "value"));
  }
  const FormatTraits* format = find_format(spec.name);
  if (!format) return unknown_format(spec.name);
  TRY(check_properties(said, *format));
  if (said.delimiter)
    spec.delimiter = *said.delimiter;
  else if (spec.name == otherwise.name)
    spec.delimiter = otherwise.delimiter;
  TRY(check_nulls(said, *format));
  spec.nulls = said.nullable_representation.value_or("");
  spec.full_name = said.full_schema_name.value_or(
      side == Side::Key && format->kind == FormatKind::Avro ? avro_key_name(source) : "");
  spec.schema_id = said.schema_id.value_or(0);
  return spec;
}

std::vector<ColumnDef> written_values(const Schema& schema) {
  std::vector<ColumnDef> columns = schema.values();
  std::erase_if(columns, [](const ColumnDef& column) { return column.role != ColumnRole::Value; });
  return columns;
}

}  // namespace

EngineSettings effective_settings(EngineSettings settings, const Properties& session) {
  if (const auto* text = find(session, "ksql.persistence.default.format.key"))
    settings.default_key_format = absl::AsciiStrToUpper(*text);
  if (const auto* text = find(session, "ksql.persistence.default.format.value"))
    settings.default_value_format = absl::AsciiStrToUpper(*text);
  if (const auto* text = find(session, "ksql.output.topic.name.prefix"))
    settings.output_topic_prefix = *text;
  return settings;
}

SourceFormats default_formats(const EngineSettings& settings) {
  return {.key = {.name = settings.default_key_format},
          .value = {.name = settings.default_value_format}};
}

Result<SourceFormats> choose_formats(const SourceProperties& properties,
                                     const SourceFormats& otherwise, std::string_view source) {
  SourceFormats chosen;
  chosen.key = TRY(choose(properties.key, otherwise.key, Side::Key, source));
  chosen.value = TRY(choose(properties.value, otherwise.value, Side::Value, source));
  chosen.value.wrap_single = properties.wrap_single_value;
  return chosen;
}

Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session) {
  const std::vector<ColumnDef> keys = schema.keys(), values = written_values(schema);
  TRY(validate_no_maps_in_key(keys));
  TRY(validate_key_schema(formats.key, keys));
  TRY(validate_format(formats.value, values, Side::Value));
  if (const auto* text = find(session, "ksql.persistence.wrap.single.values");
      text && !text->empty())
    formats.value =
        apply_default_wrapping(formats.value, values, absl::AsciiStrToLower(*text) == "true");
  return formats;
}

bool can_infer_schema(const FormatSpec& format) {
  const FormatTraits* traits = find_format(format.name);
  return traits && traits->infers_schema;
}

Result<SourceFormats> register_schemas(SourceFormats formats, const Schema& schema,
                                       std::string_view topic, Registrar* registrar,
                                       Registrar::Write write) {
  if (!registrar) return formats;
  formats.key =
      TRY(registrar->with_schema(std::move(formats.key), topic, schema.keys(), Side::Key, write));
  formats.value = TRY(registrar->with_schema(std::move(formats.value), topic,
                                             written_values(schema), Side::Value, write));
  return formats;
}

Status check_has_schemas(const DataSource& sink) {
  const auto check = [&](const FormatSpec& format, bool has_columns, Side side) -> Status {
    if (!has_columns || !names_schema(format) || format.schema_id != 0) return {};
    return Error{ErrorCode::ObjectState,
                 fmt::format("cannot write into {}: its columns do not fit the schema {}",
                             sink.name, subject_of(sink.topic, side)),
                 "The topic had this schema when the stream or table was declared.",
                 "Declare the columns of the schema, or use another topic."};
  };
  TRY(check(sink.key_format, sink.schema.key_count() > 0, Side::Key));
  return check(sink.value_format, !written_values(sink.schema).empty(), Side::Value);
}

}  // namespace engine
