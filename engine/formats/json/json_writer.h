// Writes columns as JSON records.
#pragma once
#include <memory>
#include <span>

#include "engine/formats/writer.h"
#include "engine/types/schema.h"

namespace engine {

enum class Side : uint8_t;

// Makes a writer of JSON records. With `wrapped`, a record is an object with all columns in order
// and explicit nulls, otherwise the bare value of the single column.
std::unique_ptr<Writer> make_json_writer(std::span<const ColumnDef> columns, bool wrapped,
                                         Side side);

}  // namespace engine
