// PERCENTILE_CONT, PERCENTILE_DISC and MODE: aggregate functions of values that come in their order. Private to this folder.
#pragma once
#include <optional>
#include <string_view>

#include "engine/functions/aggregate.h"

namespace engine {

// How many arguments stand in the brackets of the call; nothing where there is no such function.
std::optional<size_t> ordered_set_arguments(std::string_view name);
// Of values of that type, in their order; null does not count. `fraction`: of percentiles, from 0 to 1, or null. Fails with
// TypeMismatch where PERCENTILE_CONT gets what is no number.
Result<AggregateInstance> make_ordered_set(std::string_view name, const SqlType& values,
                                           Value fraction);

}  // namespace engine
