// Values of PostgreSQL's reg* types in expressions: names that are numbers beside numbers.
// https://www.postgresql.org/docs/15/datatype-oid.html
#pragma once
#include <optional>
#include <span>

#include "engine/expr/binder.h"

namespace engine {

// The cast of a value to a reg* type, or of such a value to a number; nothing for any other cast.
std::optional<BoundExpression> cast_registered(BoundExpression& operand, const SqlType& type,
                                               TextPosition position);

// Makes operands comparable of which one is of a reg* type: a name beside a number becomes the
// object's number, and a written text beside a name becomes the name of the object that it means.
void compare_registered(std::span<BoundItem> operands);

}  // namespace engine
