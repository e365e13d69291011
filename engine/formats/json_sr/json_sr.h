// Implements the JSON_SR format: JSON preceded by the id of its JSON Schema. The columns determine how values are read,
// as in the format JSON.
#pragma once
#include <memory>

#include "engine/formats/format.h"

namespace engine {

std::unique_ptr<Reader> make_json_sr_reader(std::span<const ColumnDef> columns,
                                            std::vector<bool> needed, bool wrapped);
std::unique_ptr<Writer> make_json_sr_writer(std::span<const ColumnDef> columns, int32_t id,
                                            bool wrapped, Side side);

}  // namespace engine
