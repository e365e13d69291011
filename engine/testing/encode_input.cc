#include "engine/testing/encode_input.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <bit>

#include "base/bytes.h"
#include "engine/testing/schema_records.h"

namespace engine {
namespace {

// Returns the characters of a string, or the spelling of any other node.
std::string plain_text(const CaseJson& node) {
  return node.kind == CaseJsonKind::String ? node.text : case_json_text(node);
}

// Converts a number to an integer as Java does: 10.0 is 10 for an INTEGER.
Result<int64_t> whole_number(const CaseJson& node) {
  int64_t whole = 0;
  double number = 0;
  if (absl::SimpleAtoi(node.text, &whole)) return whole;
  if (absl::SimpleAtod(node.text, &number)) return static_cast<int64_t>(number);
  return Error{ErrorCode::InvalidText,
               fmt::format("{} is not a number, as the declared column is", case_json_text(node))};
}

Result<std::string> encode_kafka(const CaseJson& node, std::span<const ColumnDef> columns) {
  std::string bytes;
  switch (columns.empty() ? TypeKind::String : columns[0].type.kind()) {
    case TypeKind::Integer:
      append_be(bytes, static_cast<int32_t>(TRY(whole_number(node))));
      return bytes;
    case TypeKind::Bigint:
      append_be(bytes, TRY(whole_number(node)));
      return bytes;
    case TypeKind::Double: {
      double number = 0;
      if (!absl::SimpleAtod(node.text, &number))
        return Error{ErrorCode::InvalidText, case_json_text(node) + " is not a number"};
      append_be(bytes, std::bit_cast<int64_t>(number));
      return bytes;
    }
    default:
      return plain_text(node);
  }
}

Result<std::optional<std::string>> encode(const CaseJson& node, const FormatSpec& format,
                                          std::span<const ColumnDef> columns) {
  std::optional<std::string> bytes;
  if (node.is_null() || format.name == "NONE") return bytes;
  if (format.name == "JSON")
    bytes = case_json_text(node);
  else if (format.name == "DELIMITED")
    bytes = plain_text(node);
  else if (format.name == "KAFKA")
    bytes = TRY(encode_kafka(node, columns));
  else
    return Error{ErrorCode::NotSupported,
                 fmt::format("writing {} is not supported yet", format.name)};
  return bytes;
}

void append_window(std::string& key, const CaseWindow& window) {
  if (window.is_session) append_be(key, window.end_ms);
  append_be(key, window.start_ms);
}

}  // namespace

Result<RawRecord> encode_input(const CaseRecord& record, const TopicFormat* format,
                               const SchemaRegistry& registry) {
  static const TopicFormat kUnknown{.key_format = {.name = "KAFKA"},
                                    .value_format = {.name = "JSON"}};
  const TopicFormat& known = format ? *format : kUnknown;
  RawRecord raw;
  raw.topic = record.topic;
  raw.timestamp = record.timestamp.value_or(0);
  raw.headers = record.headers;
  const auto encode_side = [&](const CaseJson& node, const FormatSpec& spec, Side side,
                               const std::vector<ColumnDef>& columns) {
    if (!has_schema(spec)) return encode(node, spec, columns);
    return encode_with_schema(node, {spec, columns, side, record.topic, registry});
  };
  raw.key = TRY(encode_side(record.key, known.key_format, Side::Key, known.key_columns));
  if (record.window && raw.key) append_window(*raw.key, *record.window);
  raw.value = TRY(encode_side(record.value, known.value_format, Side::Value, known.value_columns));
  return raw;
}

}  // namespace engine
