// A record to a line of text, as kafka-console-consumer prints them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "client/properties.h"

namespace client {

struct ReceivedHeader {
  std::string_view name;
  std::optional<std::string_view> value;
};
// Views into a message that the reader keeps.
struct ReceivedRecord {
  enum class TimestampKind { None, CreateTime, LogAppendTime };

  std::string_view topic;
  PartitionId partition;
  Offset offset;
  TimestampKind timestamp_kind = TimestampKind::None;
  int64_t timestamp_ms = 0;
  std::optional<std::string_view> key, value;
  std::vector<ReceivedHeader> headers;
};

// Appends bytes as text; fails with InvalidEncoding when they are not of its type.
using Deserializer = Status (*)(std::string_view bytes, std::string& text);

// What of a record is printed, and how.
struct RecordFormat {
  bool has_timestamp = false, has_partition = false, has_offset = false, has_headers = false;
  bool has_key = false, has_value = true;
  std::string key_separator = "\t", line_separator = "\n", headers_separator = ",";
  std::string null_literal = "null";
  Deserializer key = nullptr, value = nullptr, headers = nullptr;  // none: the bytes as they are

  // From properties in kafka-console-consumer's names (print.key, key.separator ...).
  static Result<RecordFormat> from(const Properties& properties);
};

// Appends the record's line to `text`; when it fails, `text` ends in the middle of it.
Status print_record(const RecordFormat& format, const ReceivedRecord& record, std::string& text);

}  // namespace client
