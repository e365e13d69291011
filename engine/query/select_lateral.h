// Sources of FROM that read the rows of those before them: LATERAL (SELECT ...).
#pragma once
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct LateralSource {
  size_t number;                      // number of the OuterRows that it reads
  std::vector<BoundExpression> keys;  // over the columns of the previous sources
  RowsNodePtr otherwise;              // its row for no input rows, if it has one; otherwise null
};

// The source with its rows, whose first columns are the keys. Returns nullopt if the source does not refer to earlier
// ones. Fails as plan_source() does.
struct PlannedLateral {
  PlannedSource planned;
  LateralSource lateral;
};
Result<std::optional<PlannedLateral>> plan_lateral(const AliasedSource& named,
                                                   const std::vector<SelectSource>& before,
                                                   RowsPlanning& planning);

}  // namespace engine
