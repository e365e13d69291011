// Distinguishes texts of columns from literals next to dates and times. Used only by the source files in this folder.
#pragma once
#include <string>
#include <string_view>

#include "engine/expr/binder.h"

namespace engine {

// Returns whether the value is a text of a column or a computation, and not a literal or a parameter. With PostgreSQL's
// rules only a cast converts such a text to a time; a literal takes the type that its place requires
// (https://www.postgresql.org/docs/15/typeconv-overview.html).
bool is_typed_text(const BoundItem& item);
bool is_typed_text(const Expression& source, const SqlType& type);
// Returns a hint with the casts and functions that convert the text to the time type.
std::string hint_for_text_as(const SqlType& time, const Expression& text);
// Returns the error for a text as an argument of a function of times. `number` counts from 1.
Error text_for_argument(std::string_view function, int64_t number, const SqlType& time,
                        const BoundItem& item);
// Fails if `item`, the operand of a cast that `mark` contains (marked_cast(), engine/sql/marked_cast.h), is a text that
// only an explicit cast converts to the type.
Status check_marked_text(const FunctionCall& mark, const BoundItem& item, const SqlType& type);

}  // namespace engine
