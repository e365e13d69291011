// Reads dates and points in time in the notations of PostgreSQL's users: 1/8/1999, 8.1.1999, Jan 8 1999, 19990108, Mon
// Jul 01 10:00:00 2024 CEST.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/text_forms.h"

namespace engine {

// Converts the text to ISO form (1999-01-08, 2024-07-01 10:00:00+02, with BC at the end), which all other parsers read.
// Returns nothing if the text is in ISO form already, or is not a date of a known form; the other parsers then read or
// refuse it. Fails with InvalidTimestamp if the text has the form of a date but a value is out of range, for example
// because the day does not exist, or because day and month are in another order than `order`.
Result<std::optional<std::string>> iso_of_written(std::string_view text, DateOrder order);

// Returns the ISO form of a text that iso_of_written() has refused, and the setting with which it would be read. Returns
// an empty text if the text is a date in no order of day, month and year.
std::string hint_about_order(std::string_view text);

}  // namespace engine
