// Implements the DELIMITED format: one CSV line for each record.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

enum class Side : uint8_t;

// Makes a reader. A field may be quoted with "; a quote within it is doubled. An empty field is
// null. A record must have as many fields as there are columns. DATE, TIME and TIMESTAMP are
// written as numbers, BYTES in base64.
std::unique_ptr<Reader> make_delimited_reader(std::span<const ColumnDef> columns,
                                              std::vector<bool> needed, char delimiter);
// Makes a writer. It quotes only those fields that could not be read back otherwise.
std::unique_ptr<Writer> make_delimited_writer(std::span<const ColumnDef> columns, char delimiter,
                                              Side side);

}  // namespace engine
