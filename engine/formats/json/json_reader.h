// Reads JSON records into columns.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/formats/reader.h"
#include "engine/types/schema.h"
#include "engine/types/text_json.h"

namespace engine {

// Whether a JSON string may stand for a number. In POST /inserts-stream, ksqlDB refuses "5" for an INTEGER, BIGINT or
// DOUBLE, and accepts it for a DECIMAL. The texts NaN, Infinity and -Infinity always stand for a DOUBLE, because JSON
// has no numbers for them.
enum class JsonStrings : uint8_t { MayBeNumbers, AreTexts };

// Makes a reader of JSON records. A field is found by its exact name, otherwise by its name in
// upper case. A missing field is null. If several fields have the same name, the last one counts.
// Numbers are also read from strings with a number (see JsonStrings), strings from any value, BYTES from base64, and
// DATE, TIME and TIMESTAMP from numbers. With `wrapped`, a record is an object with the columns as
// fields; without it, a record is the value of the single column. With JsonTimes::Iso, points in
// time may also be texts, as in HTTP responses.
std::unique_ptr<Reader> make_json_reader(std::span<const ColumnDef> columns,
                                         std::vector<bool> needed, bool wrapped,
                                         JsonTimes times = JsonTimes::Numbers,
                                         JsonStrings strings = JsonStrings::MayBeNumbers);

}  // namespace engine
