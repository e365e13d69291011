#include "client/record_printer.h"

#include <fmt/format.h>

#include <bit>
#include <iterator>

namespace client {

namespace {

Status print_bytes(std::string_view bytes, std::string& text) {
  text += bytes;
  return {};
}

// Reads a big-endian number, as Java's serializers write it.
template <class Number>
Result<Number> read_number(std::string_view bytes) {
  if (bytes.size() != sizeof(Number))
    return Error{ErrorCode::InvalidEncoding,
                 fmt::format("a value has {} bytes, but the deserializer requires {}", bytes.size(),
                             sizeof(Number))};
  uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  if constexpr (std::is_same_v<Number, double>) return std::bit_cast<double>(bits);
  if constexpr (std::is_same_v<Number, float>)
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  return static_cast<Number>(bits);
}

template <class Number>
Status print_number(std::string_view bytes, std::string& text) {
  text += fmt::format("{}", TRY(read_number<Number>(bytes)));
  return {};
}

// Appends a number with a fraction as Java prints it: 1.0, not 1.
template <class Number>
Status print_fraction(std::string_view bytes, std::string& text) {
  const std::string digits = fmt::format("{}", TRY(read_number<Number>(bytes)));
  text += digits;
  if (digits.find_first_not_of("-0123456789") == digits.npos) text += ".0";
  return {};
}

struct DeserializerRow {
  std::string_view name;  // the name of the class in Kafka
  Deserializer print;
};
constexpr std::string_view kPackage = "org.apache.kafka.common.serialization.";
constexpr DeserializerRow kDeserializers[] = {
    {"ByteArrayDeserializer", print_bytes},       {"DoubleDeserializer", print_fraction<double>},
    {"FloatDeserializer", print_fraction<float>}, {"IntegerDeserializer", print_number<int32_t>},
    {"LongDeserializer", print_number<int64_t>},  {"ShortDeserializer", print_number<int16_t>},
    {"StringDeserializer", print_bytes},          {"UUIDDeserializer", print_bytes},
};

Result<Deserializer> find_deserializer(std::string_view name) {
  std::string_view short_name = name;
  if (short_name.starts_with(kPackage)) short_name.remove_prefix(kPackage.size());
  std::string known;
  for (const DeserializerRow& row : kDeserializers) {
    if (row.name == short_name) return row.print;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  }
  return Error{ErrorCode::NotSupported,
               fmt::format("the deserializer {} is not supported", name),
               {},
               fmt::format("Supported are {}.", known)};
}

struct SwitchRow {
  std::string_view name;
  bool RecordFormat::*is_on;
};
constexpr SwitchRow kSwitches[] = {
    {"print.headers", &RecordFormat::has_headers},
    {"print.key", &RecordFormat::has_key},
    {"print.offset", &RecordFormat::has_offset},
    {"print.partition", &RecordFormat::has_partition},
    {"print.timestamp", &RecordFormat::has_timestamp},
    {"print.value", &RecordFormat::has_value},
};
struct TextRow {
  std::string_view name;
  std::string RecordFormat::*text;
};
constexpr TextRow kTexts[] = {
    {"headers.separator", &RecordFormat::headers_separator},
    {"key.separator", &RecordFormat::key_separator},
    {"line.separator", &RecordFormat::line_separator},
    {"null.literal", &RecordFormat::null_literal},
};
struct PartRow {
  std::string_view name;
  Deserializer RecordFormat::*deserializer;
};
constexpr PartRow kParts[] = {
    {"headers.deserializer", &RecordFormat::headers},
    {"key.deserializer", &RecordFormat::key},
    {"value.deserializer", &RecordFormat::value},
};

template <class Row, size_t count>
const Row* find_row(const Row (&rows)[count], std::string_view name) {
  for (const Row& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

Status set_property(RecordFormat& format, const std::string& name, const std::string& value) {
  if (const SwitchRow* row = find_row(kSwitches, name)) {
    format.*row->is_on = TRY(parse_bool(name, value));
  } else if (const TextRow* text = find_row(kTexts, name)) {
    format.*text->text = value;
  } else if (const PartRow* part = find_row(kParts, name)) {
    format.*part->deserializer = TRY(find_deserializer(value));
  } else {
    return Error{ErrorCode::InvalidParameter, fmt::format("unrecognized property {}", name)};
  }
  return {};
}

Status print_part(const RecordFormat& format, Deserializer deserializer,
                  const std::optional<std::string_view>& bytes, std::string& text) {
  if (!bytes) {
    text += format.null_literal;
    return {};
  }
  return (deserializer ? deserializer : print_bytes)(*bytes, text);
}

void print_timestamp(const ReceivedRecord& record, std::string& text) {
  using enum ReceivedRecord::TimestampKind;
  switch (record.timestamp_kind) {
    case None:
      text += "NO_TIMESTAMP";
      break;
    case CreateTime:
      text += fmt::format("CreateTime:{}", record.timestamp_ms);
      break;
    case LogAppendTime:
      text += fmt::format("LogAppendTime:{}", record.timestamp_ms);
      break;
  }
}

Status print_headers(const RecordFormat& format, const ReceivedRecord& record, std::string& text) {
  if (record.headers.empty()) text += "NO_HEADERS";
  for (size_t i = 0; i < record.headers.size(); ++i) {
    if (i > 0) text += format.headers_separator;
    text += record.headers[i].name;
    text += ':';
    TRY(print_part(format, format.headers, record.headers[i].value, text));
  }
  return {};
}

}  // namespace

Result<RecordFormat> RecordFormat::from(const Properties& properties) {
  RecordFormat format;
  for (const auto& [name, value] : properties) TRY(set_property(format, name, value));
  return format;
}

Status print_record(const RecordFormat& format, const ReceivedRecord& record, std::string& text) {
  bool is_first = true;
  const auto separate = [&] {
    if (!is_first) text += format.key_separator;
    is_first = false;
  };
  if (format.has_timestamp) {
    separate();
    print_timestamp(record, text);
  }
  if (format.has_partition) {
    separate();
    fmt::format_to(std::back_inserter(text), "Partition:{}", record.partition.value());
  }
  if (format.has_offset) {
    separate();
    fmt::format_to(std::back_inserter(text), "Offset:{}", record.offset.value());
  }
  if (format.has_headers) {
    separate();
    TRY(print_headers(format, record, text));
  }
  if (format.has_key) {
    separate();
    TRY(print_part(format, format.key, record.key, text));
  }
  if (format.has_value) {
    separate();
    TRY(print_part(format, format.value, record.value, text));
  }
  text += format.line_separator;
  return {};
}

}  // namespace client
