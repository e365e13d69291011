// A line of text to a record, as kafka-console-producer reads them.
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

// What parts a line has and what separates them: "headers<tab>key<tab>value".
struct LineFormat {
  bool has_headers = false, has_key = false;
  bool takes_lines_without_separator = false;  // the whole line is the value then
  std::string headers_delimiter = "\t", headers_separator = ",", headers_key_separator = ":";
  std::string key_separator = "\t";
  std::optional<std::string> null_marker;  // a part that reads so is null

  // From properties in kafka-console-producer's names (parse.key, key.separator ...). Fails with
  // InvalidParameter when separators are empty or cannot be told from each other.
  static Result<LineFormat> from(const Properties& properties);
};

// `line` is without its end. Fails with InvalidText when a separator is missing; `line_number`,
// from 1, is for the message.
Result<OutgoingRecord> parse_line(const LineFormat& format, std::string_view line,
                                  int64_t line_number);

}  // namespace client
