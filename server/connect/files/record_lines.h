// Converts the records of a sink to the lines of a file.
#pragma once
#include <string>
#include <vector>

#include "engine/connect/file_properties.h"
#include "server/connect/ports.h"

namespace server {

// Appends a line for each record, and returns the records that cannot be written as one line. Equal records give equal
// bytes.
std::vector<BadRecord> append_lines(const engine::FileSink& sink,
                                    const std::vector<SinkRecord>& records, std::string& to);

}  // namespace server
