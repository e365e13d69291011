// Values of PostgreSQL's reg* types in expressions: names that become numbers when combined with
// numbers.
#pragma once
#include <optional>
#include <span>

#include "engine/expr/binder.h"

namespace engine {

// The cast of a value to a reg* type, or of such a value to a number; nothing for any other cast.
std::optional<BoundExpression> cast_registered(BoundExpression& operand, const SqlType& type,
                                               TextPosition position);

// Makes operands comparable if one is of a reg* type: a name compared with a number becomes the
// object's number, and a literal text compared with a name becomes the name of the object.
void compare_registered(std::span<BoundItem> operands);

}  // namespace engine
