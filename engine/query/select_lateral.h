// Sources of FROM that read the rows of those before them: LATERAL (SELECT ...).
#pragma once
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct LateralSource {
  size_t number;                      // of the OuterRows that it reads
  std::vector<BoundExpression> keys;  // over the columns of the sources before
  RowsNodePtr otherwise;              // one row, where it gives one of no rows too; else null
};

// What the source is, its rows with the keys first. Nothing where it does not look beyond itself. Fails as plan_source() does.
struct PlannedLateral {
  PlannedSource planned;
  LateralSource lateral;
};
Result<std::optional<PlannedLateral>> plan_lateral(const AliasedSource& named,
                                                   const std::vector<SelectSource>& before,
                                                   RowsPlanning& planning);

}  // namespace engine
