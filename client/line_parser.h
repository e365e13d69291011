// Parses a line of text into a record, as kafka-console-producer does.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/properties.h"

namespace client {

struct OutgoingHeader {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const OutgoingHeader&) const = default;
};
struct OutgoingRecord {
  std::optional<std::string> key, value;
  std::vector<OutgoingHeader> headers;
};

// Which parts a line has, and their separators. The longest form is "headers<tab>key<tab>value".
struct LineFormat {
  bool has_headers = false, has_key = false;
  // If true, a line without a separator is permitted, and is the value of the record.
  bool takes_lines_without_separator = false;
  std::string headers_delimiter = "\t", headers_separator = ",", headers_key_separator = ":";
  std::string key_separator = "\t";
  std::optional<std::string> null_marker;  // a part with this text is null

  // Reads properties with the names of kafka-console-producer (parse.key, key.separator ...). Fails
  // with InvalidParameter if a separator is empty, or if separators are ambiguous.
  static Result<LineFormat> from(const Properties& properties);
};

// Parses a line without its line end. Fails with InvalidText if a separator is missing; the error
// contains `line_number`, which counts from 1.
Result<OutgoingRecord> parse_line(const LineFormat& format, std::string_view line,
                                  int64_t line_number);

}  // namespace client
