// Aggregate functions that receive their values in order: PERCENTILE_CONT, PERCENTILE_DISC and MODE. Private to this
// folder.
#pragma once
#include <optional>
#include <string_view>

#include "engine/functions/aggregate.h"

namespace engine {

// Returns the number of direct arguments, which are in the parentheses of the call; nullopt if no such function
// exists.
std::optional<size_t> ordered_set_arguments(std::string_view name);
// Creates the aggregate for values of this type, which are passed in order; nulls are ignored. `fraction` is for
// percentiles: a number from 0 to 1, or null. Fails with TypeMismatch if PERCENTILE_CONT receives values that are not
// numbers.
Result<AggregateInstance> make_ordered_set(std::string_view name, const SqlType& values,
                                           Value fraction);

}  // namespace engine
