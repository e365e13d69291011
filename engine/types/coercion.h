// Decides on implicit coercions between types, and finds the common type of several values.
#pragma once
#include <optional>

#include "engine/types/type.h"

namespace engine {

// Returns whether values of `from` become values of `to` without a CAST. This is so for equal
// types, and in the order INTEGER -> BIGINT -> DECIMAL -> DOUBLE. A DECIMAL becomes a DECIMAL with
// at least as many digits on both sides of the point. ARRAY, MAP and STRUCT follow their parts;
// fields of a STRUCT that are missing become null. NULL becomes any type.
bool is_implicitly_castable(const SqlType& from, const SqlType& to);

// Returns the narrowest type to which both types are implicitly castable, or nothing. The common
// type of two STRUCTs has the union of their fields.
std::optional<SqlType> common_type(const SqlType& left, const SqlType& right);

// Returns the type of an exact number as a DECIMAL: INTEGER as (10, 0), BIGINT as (19, 0), a
// DECIMAL unchanged.
SqlType as_decimal_type(const SqlType& exact_number);

}  // namespace engine
