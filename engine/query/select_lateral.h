// Plans LATERAL (SELECT ...), which is a source of FROM that reads the rows of the sources before it.
#pragma once
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct LateralSource {
  size_t number;                      // number of the OuterRows that the source reads
  std::vector<BoundExpression> keys;  // bound to the columns of the previous sources
  // row of the source for an input row without results; null: none
  RowsNodePtr otherwise;
};

// A LATERAL source, planned. The first columns of its rows are the keys.
struct PlannedLateral {
  PlannedSource planned;
  LateralSource lateral;
};
// Plans the source. Returns nullopt if the source does not refer to earlier sources. Fails as plan_source() does.
Result<std::optional<PlannedLateral>> plan_lateral(const AliasedSource& named,
                                                   const std::vector<SelectSource>& before,
                                                   RowsPlanning& planning);

}  // namespace engine
