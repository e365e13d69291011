// Reports sums that exceed their type.
#pragma once
#include <cstddef>
#include <span>

#include "engine/exec/operator.h"
#include "engine/functions/aggregate.h"
#include "engine/types/batch.h"

namespace engine {

// Reports the sums that exceed their type. Such a sum is NULL in `out` (the rows of the groups), so
// a reader could mistake it for the sum of no values. `first_column` is the result column of the
// first instance. Deletes are ignored. (If the query's sums wrap around on overflow, none is NULL
// for this reason.)
void report_overflows(ProcessingLog& log, std::span<const AggregateInstance> instances,
                      const Batch& out, size_t first_column);

}  // namespace engine
