// A program: expressions compiled to a list of vector instructions over registers, which hold
// columns.
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
  // Rows whose evaluation failed, which are null in `column`. Messages may also be about rows that
  // did not fail, because an enclosing function treated the failure as a null.
  RowErrors errors;
};

// Computes expressions for batches.
//
// Invariants: an expression that occurs several times is computed once; expressions of constants
// are computed for one row, not for all; a branch is only computed for the rows that take it.
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
  // the expressions were bound, each `rows` long; columns that no expression reads may be null
  // pointers.
  std::vector<Evaluated> run(std::span<const ColumnPtr> columns, size_t rows,
                             const EvalContext& context) const;
  std::vector<Evaluated> run(const Batch& batch, const EvalContext& context) const {
    return run(batch.columns, batch.rows, context);
  }

  // Returns the rows, ascending, in which the first expression is true, and not false, null or
  // failed. Adds failures to `errors`.
  std::vector<uint32_t> select(std::span<const ColumnPtr> columns, size_t rows,
                               const EvalContext& context, RowErrors& errors) const;

  // number of instructions of the outer block, for tests and EXPLAIN
  size_t instruction_count() const;

 private:
  std::unique_ptr<const Block> block_;
};

}  // namespace engine
