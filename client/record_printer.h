// Formats a record as a line of text, as kafka-console-consumer does.
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
// A received record. Its members refer to a message that the reader keeps.
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

// Appends the bytes to `text` in a readable form. Fails with InvalidEncoding if the bytes are not a
// value of the type.
using Deserializer = Status (*)(std::string_view bytes, std::string& text);

// Which parts of a record are printed, and how.
struct RecordFormat {
  bool has_timestamp = false, has_partition = false, has_offset = false, has_headers = false;
  bool has_key = false, has_value = true;
  std::string key_separator = "\t", line_separator = "\n", headers_separator = ",";
  std::string null_literal = "null";
  Deserializer key = nullptr, value = nullptr, headers = nullptr;  // null: the bytes unchanged

  // Reads properties with kafka-console-consumer's names (print.key, key.separator ...).
  static Result<RecordFormat> from(const Properties& properties);
};

// Appends the record to `text` as a line. If it fails, `text` ends with an incomplete line.
Status print_record(const RecordFormat& format, const ReceivedRecord& record, std::string& text);

}  // namespace client
