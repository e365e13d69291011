// A scalar or table function is one row of a table: its documentation, its signature, its first
// test and its body.
#pragma once
#include <span>
#include <string_view>

#include "base/result.h"
#include "engine/functions/kernel.h"
#include "engine/types/type.h"

namespace engine {

// A table function's kernel gives one ARRAY of results a row; the signature's result is the
// element.
enum class FunctionKind : uint8_t { Scalar, Table };

// The return type from the types of the arguments after coercion, where a signature cannot say it.
using ReturnType = Result<SqlType> (*)(std::span<const SqlType> arguments);

struct FunctionDef {
  std::string_view name;       // spelled as ksqlDB's messages do; found in any case
  std::string_view signature;  // see signature.h
  std::string_view doc;        // one sentence
  std::string_view example;    // an expression that is true, run by the tests
  Kernel kernel;
  ReturnType returns = nullptr;
  FunctionKind kind = FunctionKind::Scalar;
  bool is_deterministic = true;  // false: not folded when all arguments are constants
  // The first argument that is not null, of any number: the program computes one only for the rows where those before it are null.
  bool takes_first_given = false;
};

// Functions of one kind share a file and a heading in the documentation.
struct AggregateDef;
struct FunctionFamily {
  std::string_view name;
  std::span<const FunctionDef> functions;
  std::span<const AggregateDef> aggregates = {};
};

}  // namespace engine
