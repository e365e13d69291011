// Refuses records with values beyond the range of smallint, which is stored as INTEGER in all formats.
#pragma once
#include <memory>
#include <span>

#include "engine/formats/reader.h"
#include "engine/types/schema.h"

namespace engine {

// Returns `reader`, or a reader around it if one of the columns has the type smallint. A record with a value beyond the
// range is an Error, like a record with 3000000000 for an INTEGER column.
std::unique_ptr<Reader> with_smallint_range(std::unique_ptr<Reader> reader,
                                            std::span<const ColumnDef> columns);

}  // namespace engine
