// Reports sums that exceed their type.
#pragma once
#include <cstddef>
#include <span>

#include "engine/exec/operator.h"
#include "engine/functions/aggregate.h"
#include "engine/types/batch.h"

namespace engine {

// Reports the sums in `out`, which has rows of groups, that are NULL because they exceed their type: such a NULL
// looks like a sum of no values. `first_column` is the result column of the first instance. Deletes are ignored. (In
// a query whose sums wrap around, no sum is NULL for this reason.)
void report_overflows(ProcessingLog& log, std::span<const AggregateInstance> instances,
                      const Batch& out, size_t first_column);

}  // namespace engine
