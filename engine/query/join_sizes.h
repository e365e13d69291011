// Chooses the order of inner joins by the actual number of rows in the tables.
#pragma once
#include <memory>
#include <vector>

#include "engine/query/rows_run.h"

namespace engine {

// Returns the plan with its chains of inner joins in an order that makes the intermediate results
// small. `tables` has the rows of each table of the plan. They have been filtered already, so the
// numbers of rows are exact; the number of distinct keys is estimated from a sample. A chain keeps
// its order if another order would save less than a chunk of rows, or if a condition can fail,
// because another order would evaluate the condition for other rows. The columns of the result do
// not change. If all chains keep their order, returns the plan itself.
std::shared_ptr<const SelectRowsPlan> with_joins_by_size(std::shared_ptr<const SelectRowsPlan> plan,
                                                         const std::vector<RowsChunks>& tables);

}  // namespace engine
