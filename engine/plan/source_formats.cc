#include "engine/plan/source_formats.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include "engine/formats/format.h"

namespace engine {
namespace {

Error invalid(std::string message) {
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
    return invalid(
        fmt::format("{} does not support the following configs: [fullSchemaName]", format.name));
  if (absl::StripAsciiWhitespace(*said.full_schema_name).empty())
    return invalid("fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}");
  return {};
}

Result<FormatSpec> choose(const FormatProperties& said, const FormatSpec& otherwise, Side side) {
  FormatSpec spec;
  spec.name = said.format.value_or(otherwise.name);
  if (spec.name.empty()) {
    const bool is_key = side == Side::Key;
    return invalid(fmt::format(
        "Statement is missing the '{}_FORMAT' property from the WITH clause. Either provide one or "
        "set a default via the 'ksql.persistence.default.format.{}' config.",
        is_key ? "KEY" : "VALUE", is_key ? "key" : "value"));
  }
  const FormatTraits* format = find_format(spec.name);
  if (!format) return invalid("Unknown format: " + spec.name);
  TRY(check_properties(said, *format));
  if (said.delimiter)
    spec.delimiter = *said.delimiter;
  else if (spec.name == otherwise.name)
    spec.delimiter = otherwise.delimiter;
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
                                     const SourceFormats& otherwise) {
  SourceFormats chosen;
  chosen.key = TRY(choose(properties.key, otherwise.key, Side::Key));
  chosen.value = TRY(choose(properties.value, otherwise.value, Side::Value));
  chosen.value.wrap_single = properties.wrap_single_value;
  return chosen;
}

Result<SourceFormats> fit_formats(SourceFormats formats, const Schema& schema,
                                  const Properties& session) {
  const std::vector<ColumnDef> keys = schema.keys(), values = written_values(schema);
  TRY(validate_no_maps_in_key(keys));
  const Status key = validate_key_schema(formats.key, keys);
  if (!key && key.error().code != ErrorCode::NotSupported) return key.error();
  if (values.empty() && can_infer_schema(formats.value)) TRY(require_format(formats.value.name));
  TRY(validate_format(formats.value, values, Side::Value));
  TRY(key);
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

}  // namespace engine
