// Converts values of PostgreSQL's reg* types (regclass, regtype ...), which denote objects of the
// catalog. Such a value is kept as a name, and becomes the object's number when it is combined with
// a number.
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
