// Plans LATERAL (SELECT ...), which is a source of FROM that reads the rows of the sources before it.
#pragma once
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct LateralSource {
  size_t number;                      // number of the OuterRows that the source reads
  std::vector<BoundExpression> keys;  // bound to the columns of the previous sources
  // The row with which an input row is joined if the source returns no rows for it; null: no such
  // row exists.
  RowsNodePtr otherwise;
};

// A LATERAL source, planned. The first columns of its rows are the keys.
struct PlannedLateral {
  PlannedSource planned;
  LateralSource lateral;
};
// Plans the source. Returns nullopt if it does not refer to earlier sources, so that it is not
// lateral. Fails like plan_source().
Result<std::optional<PlannedLateral>> plan_lateral(const AliasedSource& named,
                                                   const std::vector<SelectSource>& before,
                                                   RowsPlanning& planning);

}  // namespace engine
