// A typed expression: names are resolved, overloads chosen, coercions made explicit. What plans
// hold and programs are compiled from.
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
  Column,           // of the layout
  Parameter,        // $n whose value is not known yet; cannot be run
  LambdaParameter,  // inside a lambda's body
  Lambda,           // argument of a call; its one child is the body
  Field,            // of a STRUCT
  Call,             // a kernel over all children: operators, casts, functions
  And,              // the right side is computed only where the left does not decide
  Or,
  Case,  // children: condition, result, condition, result, ..., and last what holds otherwise
  Array,
  Map,  // children: key, value, key, value, ...
  Struct,
};

struct BoundExpression {
  BoundKind kind = BoundKind::Literal;
  SqlType type;
  TextPosition position = {};
  Value literal = {};  // of Literal
  // Column: its place. Parameter: 0 for $1. LambdaParameter: its number, no other in the expression
  // has it. Field: which. Call: those of one number above 0 are computed once, though they change.
  uint32_t index = 0;
  Kernel kernel = nullptr;             // of Call
  const Overload* function = nullptr;  // of a Call of a registered function
  // Whether a null argument is an error of the row, one bit a child; only functions have such.
  uint64_t refuses_null = 0;
  bool is_deterministic = true;
  bool knows_unknown = false;  // of And, Or, Case and Call: see KernelCall
  bool can_fail = true;        // of Call: whether a row can fail whose arguments are all there
  // Errors of the children reach this node as nulls, with a line in the log, and go no further: so
  // it is with functions, casts and constructors.
  bool absorbs_errors = false;
  std::vector<uint32_t> lambda_parameters = {};  // of Lambda: their numbers
  std::vector<BoundExpression> children = {};
};

// The column that this expression passes on unchanged.
std::optional<uint32_t> as_column(const BoundExpression& expression);
// Whether it has the same value for every row and at every time.
bool is_constant(const BoundExpression& expression);
// The columns that it reads, ascending, each once.
std::vector<uint32_t> referenced_columns(std::span<const BoundExpression> expressions);
// Every column i becomes new_index[i].
void remap_columns(BoundExpression& expression, std::span<const uint32_t> new_index);

BoundExpression literal_expression(SqlType type, Value value);
BoundExpression column_expression(SqlType type, uint32_t index);

}  // namespace engine
