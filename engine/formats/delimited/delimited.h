// Implements the DELIMITED format: one CSV line for each record.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

enum class Side : uint8_t;

// Makes a reader. Fields may be quoted with ", which is doubled inside; an empty field is null. A
// record must have as many fields as columns exist. DATE, TIME and TIMESTAMP are numbers, BYTES
// base64.
std::unique_ptr<Reader> make_delimited_reader(std::span<const ColumnDef> columns,
                                              std::vector<bool> needed, char delimiter);
// Makes a writer, which only quotes fields that could not be read back otherwise.
std::unique_ptr<Writer> make_delimited_writer(std::span<const ColumnDef> columns, char delimiter,
                                              Side side);

}  // namespace engine
