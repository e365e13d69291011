// Implicit coercions between types, and the common type of several values.
#pragma once
#include <optional>

#include "engine/types/type.h"

namespace engine {

// INTEGER -> BIGINT -> DECIMAL -> DOUBLE; a DECIMAL into one with as many digits on both sides of
// the point; ARRAY, MAP and STRUCT by their parts (fields that are missing become null); NULL into
// anything. The types may be equal.
bool is_implicitly_castable(const SqlType& from, const SqlType& to);

// The narrowest type to which both are implicitly castable, or nothing. STRUCTs have the union of
// their fields.
std::optional<SqlType> common_type(const SqlType& left, const SqlType& right);

// An exact number's type as a DECIMAL: INTEGER (10, 0), BIGINT (19, 0), or the DECIMAL itself.
SqlType as_decimal_type(const SqlType& exact_number);

}  // namespace engine
