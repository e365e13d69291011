// Reads JSON records into columns.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/reader.h"
#include "engine/types/schema.h"
#include "engine/types/text_json.h"

namespace engine {

// Makes a reader of JSON records. Fields are found by their exact name, otherwise by the name in upper case; missing
// fields are null. The last of several fields with the same name counts. Numbers are also read from numeric strings,
// strings from any value, BYTES from base64, DATE, TIME and TIMESTAMP from numbers. With `wrapped`, a record is an
// object with the columns as fields, otherwise the bare value of the single column. With JsonTimes::Iso, points in time
// may also be texts, as HTTP responses show them.
std::unique_ptr<Reader> make_json_reader(std::span<const ColumnDef> columns,
                                         std::vector<bool> needed, bool wrapped,
                                         JsonTimes times = JsonTimes::Numbers);

}  // namespace engine
