#include "engine/formats/format.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "base/suggest.h"
#include "engine/formats/avro/avro.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/delimited/delimited.h"
#include "engine/formats/json/json_reader.h"
#include "engine/formats/json/json_writer.h"
#include "engine/formats/json_sr/json_schema_columns.h"
#include "engine/formats/json_sr/json_sr.h"
#include "engine/formats/kafka/kafka.h"
#include "engine/formats/none.h"
#include "engine/formats/protobuf/protobuf.h"
#include "engine/formats/protobuf/protobuf_columns.h"
#include "engine/formats/schema/reader_of_schemas.h"
#include "engine/formats/schema/schema_bundle.h"
#include "engine/formats/smallint_reader.h"

namespace engine {

namespace {

// clang-format off
constexpr std::array kFormats = {
    //           kind                      name             multi  wraps  unwrap infers delim
    FormatTraits{FormatKind::None,          "NONE",          false, false, false, false, false},
    FormatTraits{FormatKind::Kafka,         "KAFKA",         false, false, true,  false, false},
    FormatTraits{FormatKind::Delimited,     "DELIMITED",     true,  false, true,  false, true},
    FormatTraits{FormatKind::Json,          "JSON",          true,  true,  true,  false, false},
    FormatTraits{FormatKind::JsonSr,        "JSON_SR",       true,  true,  true,  true,  false},
    FormatTraits{FormatKind::Avro,          "AVRO",          true,  true,  true,  true,  false},
    FormatTraits{FormatKind::Protobuf,      "PROTOBUF",      true,  true,  false, true,  false},
    FormatTraits{FormatKind::ProtobufNosr,  "PROTOBUF_NOSR", true,  true,  true,  false, false},
};
// clang-format on

// Returns a text such as "[`K` STRING KEY, `V` INTEGER]".
std::string list_columns(std::span<const ColumnDef> columns) {
  return "[" + Schema{{columns.begin(), columns.end()}}.to_string() + "]";
}

Error invalid(std::string message) { return {ErrorCode::InvalidStatement, std::move(message)}; }

Status unsupported_type(const FormatTraits& format, const SqlType& type, std::string_view column) {
  std::string message = "The '" + std::string(format.name) + "' format does not support type '" +
                        std::string(kind_name(type.kind())) + "'";
  if (!column.empty()) message += ", column: `" + std::string(column) + "`";
  const bool is_of_lines = format.kind == FormatKind::Delimited || format.kind == FormatKind::Kafka;
  return invalid(std::move(message))
      .with_hint(is_of_lines && type.is_nested()
                     ? "Use the format JSON, which has ARRAY, MAP and STRUCT."
                     : "");
}

bool kafka_holds(TypeKind kind) {
  return kind == TypeKind::Integer || kind == TypeKind::Bigint || kind == TypeKind::Double ||
         kind == TypeKind::String || kind == TypeKind::Bytes;
}

bool has_map_without_string_keys(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Map:
      return type.key().kind() != TypeKind::String || has_map_without_string_keys(type.value());
    case TypeKind::Array:
      return has_map_without_string_keys(type.element());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), has_map_without_string_keys, &Field::type);
    default:
      return false;
  }
}

bool contains_map(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Map:
      return true;
    case TypeKind::Array:
      return contains_map(type.element());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), contains_map, &Field::type);
    default:
      return false;
  }
}

Status validate_types(const FormatTraits& format, std::span<const ColumnDef> columns) {
  for (const ColumnDef& column : columns) {
    const SqlType& type = column.type;
    if (format.kind == FormatKind::Kafka && !kafka_holds(type.kind()))
      return unsupported_type(format, type, {});
    if (format.kind == FormatKind::Delimited && type.is_nested())
      return unsupported_type(format, type, column.name);
    if ((format.kind == FormatKind::Json || format.kind == FormatKind::JsonSr) &&
        has_map_without_string_keys(type))
      return invalid("JSON only supports MAP types with STRING keys");
    if (format.kind == FormatKind::Avro && has_map_without_string_keys(type))
      return invalid("Avro only supports MAPs with STRING keys");
    if ((format.kind == FormatKind::Protobuf || format.kind == FormatKind::ProtobufNosr) &&
        has_map_without_string_keys(type))
      return invalid("PROTOBUF format only supports MAP types with STRING keys");
  }
  return {};
}

Status validate_avro_name(const std::string& name) {
  const auto refuse = [&](std::string_view why) {
    return invalid("Schema is not compatible with Avro: " + std::string(why) + ": " + name);
  };
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty()) return refuse("Empty name");
  if (!is_letter(name.front())) return refuse("Illegal initial character");
  const bool is_word =
      std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  return is_word ? Status{} : refuse("Illegal character in");
}

// Checks the field names of records at any depth.
Status validate_avro_names(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Array:
      return validate_avro_names(type.element());
    case TypeKind::Map:
      return validate_avro_names(type.value());
    case TypeKind::Struct:
      for (const Field& field : type.fields()) {
        TRY(validate_avro_name(field.name));
        TRY(validate_avro_names(field.type));
      }
      return {};
    default:
      return {};
  }
}

Status validate_avro_names(std::span<const ColumnDef> columns, bool is_record) {
  for (const ColumnDef& column : columns) {
    if (is_record) TRY(validate_avro_name(column.name));
    TRY(validate_avro_names(column.type));
  }
  return {};
}

Status validate_wrapping(const FormatTraits& format, bool wrap, size_t column_count) {
  if (column_count != 1)
    return invalid("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas");
  if (wrap ? format.wraps : format.unwraps) return {};
  return invalid("Format '" + std::string(format.name) +
                 "' does not support 'WRAP_SINGLE_VALUE' set to '" + (wrap ? "true" : "false") +
                 "'.");
}

}  // namespace

const FormatTraits* find_format(std::string_view name) {
  const auto found = std::ranges::find(kFormats, name, &FormatTraits::name);
  return found == kFormats.end() ? nullptr : &*found;
}

Error unknown_format(std::string_view name) {
  std::vector<std::string> names;
  for (const FormatTraits& format : kFormats) names.emplace_back(format.name);
  const bool is_of_lines = name == "CSV" || name == "TSV" || name == "TEXT";
  return invalid("Unknown format: " + std::string(name))
      .with_hint(did_you_mean(is_of_lines ? "DELIMITED" : name, names,
                              fmt::format("The formats are {}.", fmt::join(names, ", "))));
}

Result<const FormatTraits*> require_format(std::string_view name) {
  const FormatTraits* format = find_format(name);
  if (format == nullptr) return unknown_format(name);
  return format;
}

Result<char> parse_delimiter(std::string_view property, std::string_view text) {
  const std::string prefix = "Configuration " + std::string(property) + " is invalid: ";
  const std::string example = "\nExample valid value: ';'";
  if (text == "TAB") return '\t';
  if (text == "SPACE") return ' ';
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return invalid(prefix +
                   "Delimiter cannot be empty, if you meant to have a tab or space for delimiter, "
                   "please use the special values 'TAB' or 'SPACE'" +
                   example);
  if (text.size() != 1)
    return invalid(prefix + "Invalid delimiter value: '" + std::string(text) +
                   "'. Delimiter must be a single character or TAB,SPACE" + example);
  return text.front();
}

Status validate_delimiter_use(std::string_view format_name) {
  const FormatTraits* format = find_format(format_name);
  if (format == nullptr || format->has_delimiter) return {};
  return invalid(std::string(format_name) + " does not support the following configs: [delimiter]");
}

Status validate_no_maps_in_key(std::span<const ColumnDef> key_columns) {
  for (const ColumnDef& column : key_columns)
    if (contains_map(column.type))
      return invalid(
          "Map keys, including types that contain maps, are not supported as they may lead to "
          "unexpected behavior due to inconsistent serialization. Key column name: `" +
          column.name + "`. Column type: " + column.type.to_string() +
          ". See https://github.com/confluentinc/ksql/issues/6621 for more.");
  return {};
}

Status validate_format(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side) {
  const FormatTraits* format = find_format(spec.name);
  if (format == nullptr) return unknown_format(spec.name);
  if (format->kind == FormatKind::None && !columns.empty())
    return invalid("The 'NONE' format can only be used when no columns are defined. Got: " +
                   list_columns(columns));
  if (side == Side::Key) TRY(validate_no_maps_in_key(columns));
  if (side == Side::Value && spec.wrap_single)
    TRY(validate_wrapping(*format, *spec.wrap_single, columns.size()));
  if (format->kind == FormatKind::Kafka && columns.size() > 1)
    return invalid("The 'KAFKA' format only supports a single field. Got: " + list_columns(columns))
        .with_hint(side == Side::Value
                       ? "Use VALUE_FORMAT = 'JSON', which has any number of fields."
                       : "Use KEY_FORMAT = 'JSON', which has any number of fields.");
  TRY(validate_types(*format, columns));
  if (format->kind == FormatKind::Avro)
    return validate_avro_names(columns, is_wrapped(spec, columns.size(), side));
  return {};
}

Status validate_key_schema(const FormatSpec& spec, std::span<const ColumnDef> columns) {
  TRY(require_format(spec.name));
  TRY(validate_no_maps_in_key(columns));
  Status status = validate_format(spec, columns, Side::Key);
  if (status || spec.name == "NONE") return status;
  std::string features;
  for (const std::string_view feature : serde_features(spec, columns.size(), Side::Key))
    features += feature;
  Error error = invalid("Key format does not support schema.\nformat: " + spec.name +
                        "\nschema: Persistence{columns=" + list_columns(columns) + ", features=[" +
                        features + "]}\nreason: " + status.error().message);
  // A GROUP BY of several columns, which users of other databases often write first, fails with
  // this error. The hint names a format that supports several columns.
  if (spec.name != "JSON") error.hint = "Add WITH (KEY_FORMAT = 'JSON').";
  return error;
}

FormatSpec apply_default_wrapping(FormatSpec spec, std::span<const ColumnDef> value_columns,
                                  bool wrap) {
  const FormatTraits* format = find_format(spec.name);
  if (!spec.wrap_single && format != nullptr && (wrap ? format->wraps : format->unwraps) &&
      value_columns.size() == 1)
    spec.wrap_single = wrap;
  return spec;
}

std::vector<std::string_view> serde_features(const FormatSpec& spec, size_t column_count,
                                             Side side) {
  const FormatTraits* format = find_format(spec.name);
  if (format == nullptr || column_count != 1) return {};
  if (side == Side::Key)
    return format->wraps && format->unwraps ? std::vector<std::string_view>{"UNWRAP_SINGLES"}
                                            : std::vector<std::string_view>{};
  if (!spec.wrap_single) return {};
  return {*spec.wrap_single ? "WRAP_SINGLES" : "UNWRAP_SINGLES"};
}

bool is_wrapped(const FormatSpec& spec, size_t column_count, Side side) {
  const FormatTraits* format = find_format(spec.name);
  if (format == nullptr || !format->wraps) return false;
  if (column_count != 1) return true;
  if (side == Side::Key) return !format->unwraps;
  return spec.wrap_single.value_or(true);
}

namespace {

ProtobufNulls protobuf_nulls(const FormatSpec& spec) {
  if (spec.nulls == "OPTIONAL") return ProtobufNulls::Optional;
  return spec.nulls == "WRAPPER" ? ProtobufNulls::Wrapper : ProtobufNulls::Lost;
}

Result<SchemaText> schema_of(const FormatSpec& spec, std::span<const ColumnDef> columns,
                             Side side) {
  if (spec.schema.empty()) return derive_schema(spec, columns, side);
  return unbundle_schema(*schema_kind_of(spec.name), spec.schema);
}

std::unique_ptr<Reader> schema_reader(const FormatSpec& spec, std::span<const ColumnDef> columns,
                                      Side side, std::vector<bool> needed,
                                      const SchemaLookup* schemas, MakeSchemaReader make,
                                      bool has_header) {
  ReadColumns reading{
      {columns.begin(), columns.end()}, std::move(needed), is_wrapped(spec, columns.size(), side)};
  // The format of the records that tasks write for themselves, which have the schema id 0.
  const FormatSpec& own = side == Side::Key ? identity_format(spec) : spec;
  return std::make_unique<ReaderOfSchemas>(std::move(reading), derive_schema(own, columns, side),
                                           schemas, spec.full_name, make, has_header);
}

}  // namespace

std::optional<SchemaKind> schema_kind_of(std::string_view format_name) {
  const FormatTraits* format = find_format(format_name);
  if (format == nullptr) return std::nullopt;
  switch (format->kind) {
    case FormatKind::Avro:
      return SchemaKind::Avro;
    case FormatKind::JsonSr:
      return SchemaKind::Json;
    case FormatKind::Protobuf:
    case FormatKind::ProtobufNosr:
      return SchemaKind::Protobuf;
    default:
      return std::nullopt;
  }
}

bool names_schema(const FormatSpec& spec) {
  const FormatTraits* format = find_format(spec.name);
  return format != nullptr && format->infers_schema;
}

FormatSpec identity_format(const FormatSpec& spec) {
  if (!names_schema(spec)) return spec;
  // With Protobuf, fields are optional, so that nulls are not lost: a null and a zero are different
  // keys.
  const bool is_protobuf = schema_kind_of(spec.name) == SchemaKind::Protobuf;
  return {
      .name = spec.name, .wrap_single = spec.wrap_single, .nulls = is_protobuf ? "OPTIONAL" : ""};
}

FormatSpec reading_format(FormatSpec spec) {
  spec.schema_id = 0;
  spec.schema.clear();
  return spec;
}

bool is_same_format(const FormatSpec& a, const FormatSpec& b) {
  return reading_format(a) == reading_format(b);
}

SchemaText derive_schema(const FormatSpec& spec, std::span<const ColumnDef> columns, Side side) {
  const std::optional<SchemaKind> kind = schema_kind_of(spec.name);
  const bool wrapped = is_wrapped(spec, columns.size(), side);
  if (kind == SchemaKind::Avro)
    return {*kind, derive_avro_schema(columns, wrapped, spec.full_name)};
  if (kind == SchemaKind::Json) return {*kind, derive_json_schema(columns, wrapped)};
  return {SchemaKind::Protobuf,
          derive_protobuf_schema(columns, spec.full_name, protobuf_nulls(spec))};
}

Result<std::vector<ColumnDef>> infer_columns(const FormatSpec& spec, const SchemaText& schema,
                                             Side side, NameCase names) {
  const ColumnRole role = side == Side::Key ? ColumnRole::Key : ColumnRole::Value;
  const bool is_protobuf = schema.kind == SchemaKind::Protobuf;
  SqlType type;
  if (schema.kind == SchemaKind::Avro) {
    const AvroSchemaPtr parsed = TRY(AvroSchema::parse(schema));
    type = TRY(sql_type_of(parsed->root(), names));
  } else if (is_protobuf) {
    const ProtobufSchemaPtr parsed = TRY(ProtobufSchema::parse(schema));
    const ProtobufMessage* message = parsed->find(spec.full_name);
    if (message == nullptr)
      return Error{ErrorCode::UndefinedObject, "the schema has no message " + spec.full_name};
    type = TRY(sql_type_of(*message, names));
  } else {
    type = TRY(sql_type_of_json_schema(schema, names));
  }
  const bool is_bare = !is_protobuf && (side == Side::Key || spec.wrap_single == false);
  if (is_bare) {
    const char* name = side == Side::Key ? "ROWKEY" : "ROWVAL";
    return std::vector<ColumnDef>{{name, std::move(type), role}};
  }
  if (type.kind() != TypeKind::Struct)
    return invalid(
        "the schema is that of a single value, and has no fields that can be columns: use "
        "WRAP_SINGLE_VALUE = false");
  std::vector<ColumnDef> columns;
  for (const Field& field : type.fields()) columns.push_back({field.name, field.type, role});
  return columns;
}

namespace {

Result<std::unique_ptr<Reader>> make_reader_of_format(const FormatSpec& spec,
                                                      std::span<const ColumnDef> columns, Side side,
                                                      std::vector<bool> needed,
                                                      const SchemaLookup* schemas) {
  const FormatTraits* found = find_format(spec.name);
  if (found == nullptr) return unknown_format(spec.name);
  const FormatTraits& format = *found;
  // If no column reads the key, the key may have any form, for example the form of a windowed key or of another
  // program. So its bytes are ignored.
  if (columns.empty() && side == Side::Key) return make_none_reader();
  if (needed.empty()) needed.assign(columns.size(), true);
  switch (format.kind) {
    case FormatKind::Kafka:
      return make_kafka_reader(columns);
    case FormatKind::Delimited:
      return make_delimited_reader(columns, std::move(needed), spec.delimiter);
    case FormatKind::Json:
      return make_json_reader(columns, std::move(needed), is_wrapped(spec, columns.size(), side));
    case FormatKind::None:
      return make_none_reader();
    default:
      break;
  }
  if (columns.empty()) return make_none_reader();
  switch (format.kind) {
    case FormatKind::Avro:
      return schema_reader(spec, columns, side, std::move(needed), schemas, make_avro_schema_reader,
                           true);
    case FormatKind::Protobuf:
      return schema_reader(spec, columns, side, std::move(needed), schemas,
                           make_protobuf_schema_reader, true);
    case FormatKind::ProtobufNosr:
      return schema_reader(spec, columns, side, std::move(needed), nullptr,
                           make_bare_protobuf_reader, false);
    default:
      return make_json_sr_reader(columns, std::move(needed),
                                 is_wrapped(spec, columns.size(), side));
  }
}

}  // namespace

Result<std::unique_ptr<Reader>> make_reader(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side,
                                            std::vector<bool> needed, const SchemaLookup* schemas) {
  return with_smallint_range(
      TRY(make_reader_of_format(spec, columns, side, std::move(needed), schemas)), columns);
}

Result<std::unique_ptr<Writer>> make_writer(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side) {
  const FormatTraits* found = find_format(spec.name);
  if (found == nullptr) return unknown_format(spec.name);
  const FormatTraits& format = *found;
  const bool wrapped = is_wrapped(spec, columns.size(), side);
  switch (format.kind) {
    case FormatKind::Kafka:
      return make_kafka_writer(columns);
    case FormatKind::Delimited:
      return make_delimited_writer(columns, spec.delimiter, side);
    case FormatKind::Json:
      return make_json_writer(columns, wrapped, side);
    case FormatKind::None:
      return make_none_writer();
    default:
      break;
  }
  if (columns.empty()) return make_none_writer();
  switch (format.kind) {
    case FormatKind::Avro:
      return make_avro_writer(TRY(schema_of(spec, columns, side)), spec.schema_id, columns, wrapped,
                              side);
    case FormatKind::JsonSr:
      return make_json_sr_writer(columns, spec.schema_id, wrapped, side);
    default:
      return make_protobuf_writer(TRY(schema_of(spec, columns, side)), columns,
                                  {.id = spec.schema_id,
                                   .full_name = spec.full_name,
                                   .has_header = format.kind == FormatKind::Protobuf,
                                   .wrapped = wrapped,
                                   .side = side});
  }
}

}  // namespace engine
