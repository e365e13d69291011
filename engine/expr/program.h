// A program: expressions that are compiled to a list of instructions over registers. Each register
// holds a column, so an instruction processes all rows of a batch.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/types/batch.h"

namespace engine {

struct Block;

// One expression's values for a batch.
struct Evaluated {
  ColumnPtr column;  // one value per row; the batch's own column if the expression is a column
  // The rows whose evaluation failed; `column` is null in these rows. The messages may also name other rows: an inner
  // function has failed there, but an outer function (such as COALESCE) has treated the failure as a null.
  RowErrors errors;
};

// Computes expressions for batches.
//
// Invariants: an expression that occurs several times is computed once; expressions of constants are computed
// for one row, not for all; a branch (of CASE, for example) is computed only for the rows that need its value.
//
// Threads: any number may run one program at the same time; it is immutable.
// Owner:   the operator that needs the values.
class Program {
 public:
  // Precondition: the expressions contain no Parameter.
  explicit Program(std::span<const BoundExpression> expressions);
  explicit Program(const BoundExpression& expression);
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  // Returns one result for each expression, in order. `columns` are those of the layout to which
  // the expressions were bound; each has `rows` values. Columns that no expression reads may be
  // null pointers.
  std::vector<Evaluated> run(std::span<const ColumnPtr> columns, size_t rows,
                             const EvalContext& context) const;
  std::vector<Evaluated> run(const Batch& batch, const EvalContext& context) const {
    return run(batch.columns, batch.rows, context);
  }

  // Returns the indexes, ascending, of the rows in which the first expression is true (not false,
  // null or failed). Adds failures to `errors`.
  std::vector<uint32_t> select(std::span<const ColumnPtr> columns, size_t rows,
                               const EvalContext& context, RowErrors& errors) const;

  // number of instructions of the outer block, for tests and EXPLAIN
  size_t instruction_count() const;

 private:
  std::unique_ptr<const Block> block_;
};

}  // namespace engine
