// Reports sums that exceed their type.
#pragma once
#include <cstddef>
#include <span>

#include "engine/exec/operator.h"
#include "engine/functions/aggregate.h"
#include "engine/types/batch.h"

namespace engine {

// Reports the sums of `out`, rows of groups, that are NULL because they exceed their type: otherwise such a NULL could
// not be distinguished from a sum of no values. `first_column`: result column of the first instance. Deletes are
// ignored. (In a query whose sums wrap around, no sum is NULL for this reason.)
void report_overflows(ProcessingLog& log, std::span<const AggregateInstance> instances,
                      const Batch& out, size_t first_column);

}  // namespace engine
