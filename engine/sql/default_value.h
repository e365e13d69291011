// Represents two things that PostgreSQL allows in place of an expression, although they are not
// expressions: DEFAULT among the values of an INSERT, and all columns of a source (t.*) in a ROW.
#pragma once
#include <string_view>

#include "engine/sql/ast_expression.h"

namespace engine {

// In the syntax tree, DEFAULT is a call without arguments, under a name that no function has. The
// dialect's grammar reads the word as a column; a real column cannot occur among the values of an
// INSERT.
inline constexpr std::string_view kDefaultCall = "DEFAULT";
// t.* in ROW(a, t.*) is a call of this name with the source's name as its argument.
inline constexpr std::string_view kColumnsCall = "\x06";
inline bool is_default_value(const Expression& value) {
  const auto* word = value.as<ColumnRef>();
  if (word && !word->source && word->name.quoting == Quoting::None)
    return word->name == kDefaultCall;
  const auto* call = value.as<FunctionCall>();
  return call && call->name == kDefaultCall && call->arguments.empty();
}

}  // namespace engine
