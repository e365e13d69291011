// The plan of a materialized view: its SELECT, bound when the view was created, and the identity of its rows.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/expr/bound.h"
#include "engine/plan/rows_node.h"
#include "engine/types/schema.h"

namespace engine {

// A table or stream that the SELECT reads. ReadRows with this index reads its rows.
struct ViewRead {
  size_t port = 0;                             // input port of the RecomputeStep
  std::optional<BoundExpression> filter = {};  // bound to the input's layout
  std::vector<BoundExpression> columns = {};   // bound to the input's layout
};

struct ViewPlan {
  std::vector<ViewRead> reads = {};
  RowsNodePtr root =
      nullptr;  // the first columns are those of the result; the others serve only for sorting
  Schema result = {};
  // Columns of the result whose values together are different in all rows. If it is empty and
  // `is_one_row` is false, rows may be equal. A row is then identified by all of its values and its
  // number among the equal rows.
  std::vector<size_t> identity = {};
  bool is_one_row = false;
  // Set if the identity of a row is not the key of the view's topic. The key is then the hidden
  // column __ROWID, which has the bytes of the identity.
  bool has_row_id = false;
  // Columns of the result in the order of the view's topic: those of the key first, unless the key is hidden.
  std::vector<size_t> columns = {};
  // From WITH (on_error = 'null'): if an expression fails, its value is null. Otherwise reads of
  // the view fail with the expression's error.
  bool failures_are_null = false;
};

}  // namespace engine
