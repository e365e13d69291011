// Converts the values of records to the lines that a sink of files writes.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/connect/delimited_text.h"

namespace engine {

// Returns the JSON text on one line. Fails with InvalidText if the value is not JSON.
Result<std::string> json_line(std::string_view value);

// Returns the header of a CSV file.
std::string csv_header(std::span<const std::string> names, const CsvSettings& settings);
// Returns the members of a JSON object with these names, regardless of letter case, as a CSV record (RFC 4180). A member
// that is null or absent becomes the text for NULL; arrays and objects stay JSON. Fails with InvalidText if the value is
// not a JSON object.
Result<std::string> csv_line(std::string_view value, std::span<const std::string> names,
                             const CsvSettings& settings);

// `value` is the JSON that Kafka Connect's JsonConverter writes with schemas: {"schema",
// "payload"}. Returns the payload: a string as text, anything else as JSON. Fails with InvalidText
// if the value does not have this form.
Result<std::string> payload_text(std::string_view value);

}  // namespace engine
