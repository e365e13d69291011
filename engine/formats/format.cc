#include "engine/formats/format.h"

#include <algorithm>
#include <array>

#include "engine/formats/delimited/delimited.h"
#include "engine/formats/json/json_reader.h"
#include "engine/formats/json/json_writer.h"
#include "engine/formats/kafka/kafka.h"
#include "engine/formats/none.h"

namespace engine {

namespace {

// clang-format off
constexpr std::array kFormats = {
    //           kind                      name             multi  wraps  unwrap infers delim  built
    FormatTraits{FormatKind::None,         "NONE",          false, false, false, false, false, true},
    FormatTraits{FormatKind::Kafka,        "KAFKA",         false, false, true,  false, false, true},
    FormatTraits{FormatKind::Delimited,    "DELIMITED",     true,  false, true,  false, true,  true},
    FormatTraits{FormatKind::Json,         "JSON",          true,  true,  true,  false, false, true},
    FormatTraits{FormatKind::JsonSr,       "JSON_SR",       true,  true,  true,  true,  false, false},
    FormatTraits{FormatKind::Avro,         "AVRO",          true,  true,  true,  true,  false, false},
    FormatTraits{FormatKind::Protobuf,     "PROTOBUF",      true,  true,  false, true,  false, false},
    FormatTraits{FormatKind::ProtobufNosr, "PROTOBUF_NOSR", true,  true,  true,  false, false, false},
};
// clang-format on

// "[`K` STRING KEY, `V` INTEGER]".
std::string list_columns(std::span<const ColumnDef> columns) {
  return "[" + Schema{{columns.begin(), columns.end()}}.to_string() + "]";
}

Error invalid(std::string message) { return {ErrorCode::InvalidStatement, std::move(message)}; }

Error unknown_format(std::string_view name) {
  return invalid("Unknown format: " + std::string(name));
}

Status unsupported_type(const FormatTraits& format, const SqlType& type, std::string_view column) {
  std::string message = "The '" + std::string(format.name) + "' format does not support type '" +
                        std::string(kind_name(type.kind())) + "'";
  if (!column.empty()) message += ", column: `" + std::string(column) + "`";
  return invalid(std::move(message));
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
    if (format.kind == FormatKind::Json && has_map_without_string_keys(type))
      return invalid("JSON only supports MAP types with STRING keys");
    if (format.kind == FormatKind::Protobuf && has_map_without_string_keys(type))
      return invalid("PROTOBUF format only supports MAP types with STRING keys");
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

Result<const FormatTraits*> require_format(std::string_view name) {
  const FormatTraits* format = find_format(name);
  if (format == nullptr) return unknown_format(name);
  if (!format->is_built)
    return Error{ErrorCode::NotSupported, std::string(name) + " is not supported yet"};
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
    return invalid("The 'KAFKA' format only supports a single field. Got: " +
                   list_columns(columns));
  TRY(validate_types(*format, columns));
  TRY(require_format(spec.name));
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
  return invalid("Key format does not support schema.\nformat: " + spec.name +
                 "\nschema: Persistence{columns=" + list_columns(columns) + ", features=[" +
                 features + "]}\nreason: " + status.error().message);
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

Result<std::unique_ptr<Reader>> make_reader(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side,
                                            std::vector<bool> needed) {
  const FormatTraits& format = *TRY(require_format(spec.name));
  if (needed.empty()) needed.assign(columns.size(), true);
  switch (format.kind) {
    case FormatKind::Kafka:
      return make_kafka_reader(columns);
    case FormatKind::Delimited:
      return make_delimited_reader(columns, std::move(needed), spec.delimiter);
    case FormatKind::Json:
      return make_json_reader(columns, std::move(needed), is_wrapped(spec, columns.size(), side));
    default:
      return make_none_reader();
  }
}

Result<std::unique_ptr<Writer>> make_writer(const FormatSpec& spec,
                                            std::span<const ColumnDef> columns, Side side) {
  const FormatTraits& format = *TRY(require_format(spec.name));
  switch (format.kind) {
    case FormatKind::Kafka:
      return make_kafka_writer(columns);
    case FormatKind::Delimited:
      return make_delimited_writer(columns, spec.delimiter, side);
    case FormatKind::Json:
      return make_json_writer(columns, is_wrapped(spec, columns.size(), side), side);
    default:
      return make_none_writer();
  }
}

}  // namespace engine
