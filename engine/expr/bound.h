// Typed expressions, in which names are resolved, overloads chosen, and coercions explicit. Plans
// contain such expressions, and programs are compiled from them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/functions/kernel.h"
#include "engine/types/type.h"
#include "engine/types/value.h"

namespace engine {

struct Overload;

enum class BoundKind : uint8_t {
  Literal,
  Column,           // a column of the layout
  Parameter,        // $n without a known value; the expression cannot be evaluated yet
  LambdaParameter,  // a parameter of a lambda, within its body
  Lambda,           // argument of a call; its one child is the body
  Field,            // a field of a STRUCT
  Call,             // a kernel over all children: operators, casts, functions
  And,              // the right side is computed only if the left side does not decide
  Or,
  Case,  // condition, result, condition, result, ..., and last the default
  Array,
  Map,  // children: key, value, key, value, ...
  Struct,
};

struct BoundExpression {
  BoundKind kind = BoundKind::Literal;
  SqlType type;
  TextPosition position = {};
  Value literal = {};  // set for Literal
  // The index of a Column or a Field; 0 for the Parameter $1; the number of a LambdaParameter,
  // which is unique in the expression. For a Call of a volatile function: calls with the same
  // number above 0 are computed only once.
  uint32_t index = 0;
  Kernel kernel = nullptr;             // set for Call
  const Overload* function = nullptr;  // for a Call: the registered function
  // One bit for each child. If it is set, a null in this child is an error of the row.
  uint64_t refuses_null = 0;
  bool is_deterministic = true;
  bool knows_unknown = false;  // for And, Or, Case and Call: see KernelCall
  bool checks_range = false;   // for Call: see KernelCall
  bool can_fail = true;        // for a Call: whether a row without nulls in the arguments can fail
  // Set for functions, casts and constructors: if a child fails, this node sees a null instead. The
  // error is logged and not passed on.
  bool absorbs_errors = false;
  std::vector<uint32_t> lambda_parameters = {};  // for Lambda: numbers of its parameters
  std::vector<BoundExpression> children = {};
};

// Returns the column if the expression is only a column; otherwise nothing.
std::optional<uint32_t> as_column(const BoundExpression& expression);
// Returns whether the expression has the same value for every row at any time.
bool is_constant(const BoundExpression& expression);
// Returns the columns that the expressions read, ascending, each once.
std::vector<uint32_t> referenced_columns(std::span<const BoundExpression> expressions);
// Replaces every column i by new_index[i].
void remap_columns(BoundExpression& expression, std::span<const uint32_t> new_index);

BoundExpression literal_expression(SqlType type, Value value);
BoundExpression column_expression(SqlType type, uint32_t index);

}  // namespace engine
