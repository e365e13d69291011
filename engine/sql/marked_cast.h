// Marks a cast that the server adds to a statement, so that the cast does not convert more than PostgreSQL converts
// without a cast.
#pragma once
#include <string_view>

#include "engine/sql/ast_expression.h"

namespace engine {

// The name of a call that marks the CAST of a value to the type of the written column. The arguments are the CAST and,
// if the written column has times and must not take texts from a column, its name. Users cannot call it without quotes,
// because the name contains a dot.
inline constexpr std::string_view kAssigned = "MILLRACE.ASSIGNED";

// The name of a call that marks the CAST of an argument of a function which an expression replaces. The arguments are
// the CAST, the name of the function and the number of the argument, which counts from 1.
inline constexpr std::string_view kArgumentMark = "MILLRACE.ARGUMENT";

// Returns the CAST if the call is such a mark; null for other calls.
inline const Cast* marked_cast(const FunctionCall& call) {
  const bool is_mark = call.name == kAssigned || call.name == kArgumentMark;
  return is_mark && !call.arguments.empty() ? call.arguments.front()->as<Cast>() : nullptr;
}

}  // namespace engine
