// Converts values of PostgreSQL's reg* types in expressions, which are names that become numbers
// when combined with numbers.
#pragma once
#include <optional>
#include <span>

#include "engine/expr/binder.h"

namespace engine {

// Returns the cast of a value to a reg* type, or of such a value to a number; nothing for any other
// cast.
std::optional<BoundExpression> cast_registered(BoundExpression& operand, const SqlType& type,
                                               TextPosition position);

// Makes operands comparable if one is of a reg* type. A name that is compared with a number becomes
// the object's number, and a literal text that is compared with a name becomes the object's name.
void compare_registered(std::span<BoundItem> operands);

}  // namespace engine
