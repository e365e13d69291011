// Chooses the order of inner joins by the rows that the tables really have.
#pragma once
#include <memory>
#include <vector>

#include "engine/query/rows_run.h"

namespace engine {

// Returns the plan with its chains of inner joins in an order with small intermediate results. `tables` has the rows of
// each table of the plan, which are already filtered, so their numbers are exact; the number of distinct keys is
// estimated from a sample. A chain remains as written if another order avoids less than a chunk of rows, or if a
// condition can fail, because another order evaluates it for other rows. The columns of the result are unchanged. A plan
// whose chains all remain is returned itself.
std::shared_ptr<const SelectRowsPlan> with_joins_by_size(std::shared_ptr<const SelectRowsPlan> plan,
                                                         const std::vector<RowsChunks>& tables);

}  // namespace engine
