// Values as JSON text: what JSON topics, the text form of nested values and PostgreSQL's jsonb
// share.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/types/column.h"

namespace engine {

// In quotes; control characters, quotes and backslashes escaped as Jackson does, all else as it is.
void append_json_string(std::string& out, std::string_view text);

// How DATE, TIME and TIMESTAMP look inside JSON.
enum class JsonTimes : uint8_t {
  Numbers,  // days, ms of the day, ms since 1970: in topics
  Iso,      // as text: for people and PostgreSQL clients
};

// The value of one row, nested as deep as the type is. STRUCT and MAP are objects, nulls explicit,
// DECIMAL a number in plain notation, DOUBLE as Java spells it with NaN and infinities as strings,
// BYTES base64. False if a MAP has a null key, which JSON cannot write; `out` then ends somewhere
// within the value.
[[nodiscard]] bool append_json_value(std::string& out, const Column& column, size_t row,
                                     JsonTimes times = JsonTimes::Numbers);

}  // namespace engine
