// Converts the records of a sink to the lines of a file.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/file_properties.h"
#include "server/connect/ports.h"

namespace server {

// Converts the value of a record to its text; nothing: the record has no value.
using RecordText =
    std::function<Result<std::optional<std::string>>(const std::optional<std::string>& value)>;

// Appends the text of each record and the separator. Returns the records that cannot be converted. A record without a value
// is bad unless `ignores_nulls` is set.
std::vector<BadRecord> append_records(const std::vector<SinkRecord>& records, bool ignores_nulls,
                                      std::string_view separator, const RecordText& text_of,
                                      std::string& to);

// Appends a line for each record, and returns the records that cannot be written as one line. Equal records give equal
// bytes.
std::vector<BadRecord> append_lines(const engine::FileSink& sink,
                                    const std::vector<SinkRecord>& records, std::string& to);

}  // namespace server
