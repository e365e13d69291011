// The report of sums that do not fit their type.
#pragma once
#include <cstddef>
#include <span>

#include "engine/exec/operator.h"
#include "engine/functions/aggregate.h"
#include "engine/types/batch.h"

namespace engine {

// Reports the sums of `out`, rows of groups, that are NULL because they do not fit their type: nothing else shows that
// such a NULL is no sum of nothing. `first_column` is the column of the first of the instances. Rows that are deletes
// do not count. (In a query that was made so that sums wrap around, no sum is NULL.)
void report_overflows(ProcessingLog& log, std::span<const AggregateInstance> instances,
                      const Batch& out, size_t first_column);

}  // namespace engine
