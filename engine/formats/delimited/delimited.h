// The DELIMITED format: one CSV line per record.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

enum class Side : uint8_t;

// Fields may be quoted with " (doubled inside); an empty field is null. The number of fields must
// be the number of columns. DATE, TIME and TIMESTAMP are numbers, BYTES base64.
std::unique_ptr<Reader> make_delimited_reader(std::span<const ColumnDef> columns,
                                              std::vector<bool> needed, char delimiter);
// Quotes only fields that could not be read back otherwise.
std::unique_ptr<Writer> make_delimited_writer(std::span<const ColumnDef> columns, char delimiter,
                                              Side side);

}  // namespace engine
