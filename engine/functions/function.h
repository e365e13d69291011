// Describes a scalar or table function by a FunctionDef, which is a row of a constant table: its documentation, its
// signature, an example that the tests evaluate, and the kernel that computes it.
#pragma once
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/functions/kernel.h"
#include "engine/types/type.h"

namespace engine {

// A table function returns one ARRAY for each row, and each element becomes a row of the result.
// Its signature names the type of the elements as its result.
enum class FunctionKind : uint8_t { Scalar, Table };

// Computes the return type from the types of the arguments after coercion. Set if the signature
// cannot express the return type.
using ReturnType = Result<SqlType> (*)(std::span<const SqlType> arguments);

struct FunctionDef {
  std::string_view name;       // spelled as in ksqlDB's messages; calls may use any letter case
  std::string_view signature;  // in the syntax of signature.h
  std::string_view doc;        // one sentence for users
  std::string_view example;    // an expression that is true; the tests evaluate it
  Kernel kernel;
  ReturnType returns = nullptr;
  FunctionKind kind = FunctionKind::Scalar;
  // false: the function is not computed in advance, even if all arguments are constants
  bool is_deterministic = true;
  // Set for functions such as COALESCE, which return the first argument that is not null. Each
  // argument is then computed only for the rows in which all arguments before it are null.
  bool takes_first_given = false;
};

struct AggregateDef;
// A family of functions, which share a source file and a heading in the documentation.
struct FunctionFamily {
  std::string_view name;
  std::span<const FunctionDef> functions;
  std::span<const AggregateDef> aggregates = {};
};

}  // namespace engine
